//! The settings' JSON Schema: the form an administrator fills in. `crate::settings` reads what comes of it.

use serde_json::{Map, Value, json};

use crate::columns::Column;
use crate::files::PLACEHOLDERS;
use crate::settings::{MOST_MONTHS_BACK, Settings};

/// The schema; its defaults are those of the code that reads the settings.
pub fn schema() -> String {
    let defaults = Settings::default();
    let placeholders: Vec<String> =
        PLACEHOLDERS.iter().map(|(name, value)| format!("{name} is {value}")).collect();
    let files = format!(
        "Paths under the configured address, one a line; a month may have several. In November 2026 and for the third part: {}. With a part, parts are read from 1 until there is no more.",
        placeholders.join(", ")
    );
    let mut properties = json!({
        "files": {
            "type": "array", "items": { "type": "string" }, "title": "Files",
            "description": files, "default": defaults.files
        },
        "months_back": {
            "type": "integer", "minimum": 0, "maximum": MOST_MONTHS_BACK, "title": "Past months read again",
            "description": "Each daily run reads the present month and so many before it: vendors correct a month until its invoice is out.",
            "default": defaults.months_back
        },
        "period": {
            "type": "string", "enum": ["charge", "billing"], "title": "Period of a Purchase",
            "description": "charge: the charge's own start and end. billing: the whole month it is billed in.",
            "default": "charge"
        },
        "zero_rows": {
            "type": "string", "enum": ["keep", "ignore"], "title": "Rows that cost nothing",
            "description": "keep: they become Purchases with their quantity. ignore: they are counted, and become none.",
            "default": "keep"
        },
        "reference_columns": {
            "type": "array", "items": { "type": "string" }, "title": "More columns that tell charges apart",
            "description": "Rows that are equal in all such columns are one charge and are summed. Choose before the first run: later it makes other Purchases of the same charges.",
            "default": defaults.reference_columns
        },
        "metadata_columns": {
            "type": "array", "items": { "type": "string" }, "title": "More columns to keep",
            "description": "Kept with each Purchase, for invoices and exports.",
            "default": defaults.metadata_columns
        }
    });
    if let Some(properties) = properties.as_object_mut() {
        properties.extend(columns());
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cost and usage files",
        "type": "object",
        "properties": properties
    })
    .to_string()
}

/// One setting for each column that may be another than the preset's.
fn columns() -> Map<String, Value> {
    let property = |column: &Column| {
        let (name, words) = column.setting();
        let schema = json!({
            "type": "string", "title": format!("Column: {words}"),
            "description": "Empty: as the kind of file has it.", "default": ""
        });
        (name.to_owned(), schema)
    };
    Column::ALL.iter().map(property).collect()
}
