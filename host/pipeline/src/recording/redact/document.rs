//! The texts of a document, each under the name it stands under: members of JSON, of lines of JSON, columns of a table.

use crate::json_tree::Tree;

/// Does something to every text, and writes the document again; one that is nothing of these is one text without a name.
pub fn rewritten(document: &str, act: &mut dyn FnMut(&str, &mut String)) -> String {
    if let Some(json) = json(document, act) {
        return json;
    }
    let is_lines = document.lines().next().is_some_and(|line| line.trim_start().starts_with('{'));
    if is_lines {
        return document.split_inclusive('\n').map(|line| one_line(line, act)).collect();
    }
    table(document, act).unwrap_or_else(|| alone(document, act))
}

fn json(text: &str, act: &mut dyn FnMut(&str, &mut String)) -> Option<String> {
    let mut tree = Tree::parse(text)?;
    tree.each_text("", &mut |name, text| act(name, text));
    Some(tree.json())
}

fn one_line(line: &str, act: &mut dyn FnMut(&str, &mut String)) -> String {
    let text = line.trim_end_matches(['\r', '\n']);
    let end = line.get(text.len()..).unwrap_or_default();
    json(text, act).unwrap_or_else(|| alone(text, act)) + end
}

fn alone(text: &str, act: &mut dyn FnMut(&str, &mut String)) -> String {
    let mut text = text.to_owned();
    act("", &mut text);
    text
}

/// None where the text is no table: every row must have a cell for each column.
fn table(text: &str, act: &mut dyn FnMut(&str, &mut String)) -> Option<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().ok().filter(|header| header.len() > 1)?.clone();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().ok()?;
    if rows.is_empty() {
        return None;
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).ok()?;
    for row in &rows {
        let cells = header.iter().zip(row).map(|(name, cell)| {
            let mut cell = cell.to_owned();
            act(name, &mut cell);
            cell
        });
        writer.write_record(cells.collect::<Vec<_>>()).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_under_their_names_and_all_else_stays() {
        let marked = |document: &str| {
            rewritten(document, &mut |name, text| {
                text.insert_str(0, &format!("<{name}>"));
            })
        };
        assert_eq!(marked(r#"{"a": 1.50, "b":["x"]}"#), r#"{"a":1.50,"b":["<b>x"]}"#);
        assert_eq!(marked("{\"a\":\"x\"}\nbroken\n"), "{\"a\":\"<a>x\"}\n<>broken\n");
        assert_eq!(marked("id,cost\n1,\"2,5\"\n"), "id,cost\n<id>1,\"<cost>2,5\"\n");
        assert_eq!(marked("Sorry, not now"), "<>Sorry, not now");
    }
}
