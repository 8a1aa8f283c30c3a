//! The catalogue of new commerce: titles of products and of their SKUs.
//!
//! A record is a SKU where it names its product, else a product. The key is the one Purchases carry: `product:sku`.

use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::localisation::{ProductText, Products, Rejection};
use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::types::Problem;
use purser_plugin_sdk::{page, pairs};

const ITEM: Names<5> = [&["id"], &["productId"], &["title"], &["productType"], &["locale"]];
const TYPE: Names<2> = [&["id"], &["displayName"]];

pub fn products(context: &PageContext, page: &[u8]) -> Result<Products, Problem> {
    let requested = pairs::get(&context.parameters, "locale").unwrap_or(&context.run.locale).to_owned();
    let mut products = Products {
        answered: requested.clone(),
        requested,
        texts: Vec::new(),
        rejected: Vec::new(),
        facts: Vec::new(),
    };
    for (record_ordinal, item) in (0..).zip(page::records(&context.framing, page)?) {
        match text(item, record_ordinal) {
            Ok((text, locale)) => {
                products.texts.push(text);
                // A SKU says nothing of its language, an offer does.
                products.answered = locale.unwrap_or(products.answered);
            }
            Err(reason) => products.rejected.push(Rejection { record_ordinal, reason }),
        }
    }
    Ok(products)
}

fn text(item: &str, record_ordinal: u32) -> Result<(ProductText, Option<String>), String> {
    let item = Fields::read(&ITEM, item)?;
    let trimmed = |at: usize| item.text(at).map(|text| text.trim().to_owned());
    let (id, product, name) = (trimmed(0)?, trimmed(1)?, trimmed(2)?);
    if id.is_empty() || name.is_empty() {
        return Err("id or title is missing".to_owned());
    }
    let key = if product.is_empty() { id } else { format!("{product}:{id}") };
    let kind = item.object(3, &TYPE)?;
    let text = ProductText {
        key: key.to_ascii_lowercase(),
        name,
        category: kind.text(1)?.trim().to_owned(),
        subcategory: String::new(),
        unit: String::new(),
        region: String::new(),
        currency: String::new(),
        rates: Vec::new(),
        included_quantity: String::new(),
        record_ordinal,
    };
    Ok((text, Some(trimmed(4)?).filter(|locale| !locale.is_empty())))
}
