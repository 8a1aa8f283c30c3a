//! What this partner adds. Everything a partner would change for himself stands here.

use purser_plugin_sdk::unpack::UnpackedPurchase;

/// Articles of the partner's price list by the vendor's product, the beginning of its key: the first that fits counts.
const ARTICLES: [(&str, &str); 3] =
    [("CFQ7TTC0LH18", "M-1001"), ("CFQ7TTC0LF8Q", "M-1002"), ("DZH318Z0BPS6", "A-2000")];
/// Articles of what no product is listed for, by feed.
const OTHERS: [(&str, &str); 4] = [
    ("licences", "M-1000"),
    ("utilization", "A-1000"),
    ("rated-usage", "A-1000"),
    ("reconciliation", "V-1000"),
];
/// The tag that customers of this partner give their resources.
const COST_CENTRE: &str = "cost-centre";

/// Names and values that are added to a Purchase; none under a name that the connector uses.
#[must_use]
pub fn words(feed: &str, purchase: &UnpackedPurchase) -> Vec<(String, String)> {
    let article = article(feed, purchase.field("product-key")).map(|article| ("article", article.to_owned()));
    let cost_centre = cost_centre(purchase.metadata("tags")).map(|centre| (COST_CENTRE, centre));
    let words = article.into_iter().chain(cost_centre);
    let is_free = |name: &str| purchase.metadata.iter().all(|(known, _)| known != name);
    words.filter(|(name, _)| is_free(name)).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn article(feed: &str, product: &str) -> Option<&'static str> {
    let begins =
        |start: &str| product.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    let listed = ARTICLES.iter().find(|(start, _)| begins(start));
    let article = listed.or_else(|| OTHERS.iter().find(|(name, _)| *name == feed));
    article.map(|(_, article)| *article)
}

/// Tags are JSON in the vendor's words; whatever else stands there has no cost centre.
fn cost_centre(tags: &str) -> Option<String> {
    let tags: serde_json::Value = serde_json::from_str(tags).ok()?;
    let tag = tags.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(COST_CENTRE))?.1;
    tag.as_str().map(str::trim).filter(|centre| !centre.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use purser_plugin_sdk::unpack::FIELDS;

    use super::*;

    fn purchase(product: &str, metadata: &[(&str, &str)]) -> UnpackedPurchase {
        let of = |field: &&str| if *field == "product-key" { product.to_owned() } else { String::new() };
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        UnpackedPurchase {
            fields: FIELDS.iter().map(of).collect(),
            metadata: metadata.iter().map(owned).collect(),
            records: vec![0],
        }
    }

    fn told(feed: &str, product: &str, metadata: &[(&str, &str)]) -> String {
        let words = words(feed, &purchase(product, metadata));
        words.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_article_goes_by_product_then_by_feed() {
        assert_eq!(told("licences", "cfq7ttc0lh18:0001", &[]), "article=M-1001");
        assert_eq!(told("licences", "other", &[]), "article=M-1000");
        assert_eq!(told("utilization", "", &[]), "article=A-1000");
        assert_eq!(told("customers", "other", &[]), "");
    }

    #[test]
    fn a_cost_centre_is_read_from_the_customers_tags() {
        for (tags, centre) in [
            (r#"{"Cost-Centre":" 4711 "}"#, "article=A-1000 cost-centre=4711"),
            (r#"{"cost-centre":""}"#, "article=A-1000"),
            (r#"{"cost-centre":7}"#, "article=A-1000"),
            ("no JSON", "article=A-1000"),
            ("", "article=A-1000"),
        ] {
            assert_eq!(told("rated-usage", "x", &[("tags", tags)]), centre, "{tags}");
        }
    }

    #[test]
    fn what_the_connector_says_itself_is_left_alone() {
        assert_eq!(told("licences", "x", &[("article", "theirs")]), "");
    }
}
