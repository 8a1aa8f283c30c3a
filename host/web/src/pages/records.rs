//! One record of a kept page, as received: cut out by its place, shown with line breaks where it is JSON.
//!
//! **Invariant:** showing a record adds blanks between its tokens and changes no token: `1.10` stays `1.10`.

/// A record to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The record, or its first part.
    pub(crate) text: String,
    /// Whether the end is left out.
    pub(crate) is_cut: bool,
}

/// Bytes of a record that are shown; the whole page can be downloaded.
const LIMIT: usize = 64 * 1024;

/// Makes a record readable.
pub(crate) fn show(record: &[u8]) -> Shown {
    let is_cut = record.len() > LIMIT;
    let text = String::from_utf8_lossy(record.get(..LIMIT).unwrap_or(record)).into_owned();
    let is_json = !is_cut && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    Shown { text: if is_json { broken_into_lines(&text) } else { text }, is_cut }
}

/// JSON with line breaks and indents; every token stays as it is.
fn broken_into_lines(json: &str) -> String {
    let (mut lines, mut depth, mut in_text, mut is_escaped) = (String::new(), 0_usize, false, false);
    let mut rest = json.chars().filter(|c| c != &'\r').peekable();
    while let Some(c) = rest.next() {
        if in_text {
            lines.push(c);
            in_text = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                lines.push(c);
            }
            '{' | '[' => {
                lines.push(c);
                while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    lines.push(close);
                } else {
                    depth += 1;
                    break_line(&mut lines, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut lines, depth);
                lines.push(c);
            }
            ',' => {
                lines.push(c);
                break_line(&mut lines, depth);
            }
            ':' => lines.push_str(": "),
            c if !c.is_ascii_whitespace() => lines.push(c),
            _ => {}
        }
    }
    lines
}

fn break_line(lines: &mut String, depth: usize) {
    lines.push('\n');
    lines.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_changes() {
        let record = br#"{"q": 1.10,"e":1e2, "t":"a, \"b\": {c}","n":{},"l":[1, 2]}"#;
        let expected = "{\n  \"q\": 1.10,\n  \"e\": 1e2,\n  \"t\": \"a, \\\"b\\\": {c}\",\n  \"n\": {},\n  \"l\": [\n    1,\n    2\n  ]\n}";
        assert_eq!(show(record).text, expected);
    }

    #[test]
    fn what_is_no_json_is_shown_as_it_is() {
        assert_eq!(show(b"1,\"two\nlines\"").text, "1,\"two\nlines\"");
        assert!(show(&vec![b'x'; LIMIT + 1]).is_cut);
    }
}
