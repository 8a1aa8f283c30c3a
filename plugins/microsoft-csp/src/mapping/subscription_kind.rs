//! What a subscription is, and so which feed brings its usage.

/// Legacy Azure: usage by `utilization`, priced from the rate card.
pub const LEGACY_AZURE: &str = "legacy-azure";
/// An Azure plan: usage with its money by `rated-usage`; the utilization call does not answer for it.
pub const AZURE_PLAN: &str = "azure-plan";
/// Licences: counted daily.
pub const SEATS: &str = "seats";
/// Anything else.
pub const OTHER: &str = "other";

/// Offers of legacy Azure begin like this; those of new commerce are `product:sku:availability`.
const LEGACY_OFFER: &str = "ms-azr-";
const PLAN_PRODUCT: &str = "dzh318z0bps6";

/// By offer, billing type and product type.
pub fn of(offer: &str, billing_type: &str, product_type: &str) -> &'static str {
    let offer = offer.trim().to_ascii_lowercase();
    let is_usage = billing_type.trim().eq_ignore_ascii_case("usage");
    let is_azure = product_type.trim().eq_ignore_ascii_case("azure");
    if offer.starts_with(LEGACY_OFFER) {
        LEGACY_AZURE
    } else if offer.starts_with(PLAN_PRODUCT) || (is_azure && offer.contains(':')) {
        AZURE_PLAN
    } else if billing_type.trim().eq_ignore_ascii_case("license") {
        SEATS
    } else if is_azure && is_usage {
        LEGACY_AZURE
    } else {
        OTHER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_offer_then_billing_type() {
        for (offer, billing, product, kind) in [
            ("MS-AZR-0145P", "usage", "Azure", LEGACY_AZURE),
            ("ms-azr-0146p", "Usage", "", LEGACY_AZURE),
            ("DZH318Z0BPS6:0001:DZH318Z0BML4", "none", "", AZURE_PLAN),
            ("DZH3AAAAAAAA:0001:DZH3BBBBBBBB", "usage", "azure", AZURE_PLAN),
            ("CFQ7TTC0LH18:0001:CFQ7TTC0K971", "license", "OnlineServicesNCE", SEATS),
            ("0CCA44D6-68E9-4762-94EE-31ECE98783B9", "License", "", SEATS),
            ("", "usage", "Azure", LEGACY_AZURE),
            ("", "none", "", OTHER),
        ] {
            assert_eq!(of(offer, billing, product), kind, "{offer} {billing} {product}");
        }
    }
}
