//! index.html as Trunk reads it: plain HTML in which `data-trunk` marks what is built.
//!
//! It knows the page, not how its parts are built. What remains of the page must pass a strict
//! Content-Security-Policy, so inline scripts, sheets and handlers are refused here, at build time.

use anyhow::{Context, Result, bail};

/// A stretch of the page.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Copied as it stands.
    Html(&'a str),
    /// Built.
    Built(Link<'a>),
}

/// What a `data-trunk` element asks for; paths are relative to index.html.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link<'a> {
    /// `<link data-trunk rel="rust">`: the app itself.
    App,
    /// `<link data-trunk rel="css" href=…>`
    Sheet(&'a str),
    /// The same with `data-apart`: what a report is painted without.
    SheetApart(&'a str),
    /// `<link data-trunk rel="icon" href=…>`
    Icon(&'a str),
    /// `<script data-trunk src=…></script>`: runs before the first paint.
    Script(&'a str),
}

/// Cuts the page into parts. Comments are dropped.
pub fn parse(html: &str) -> Result<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (before, from_tag) = rest.split_at(start);
        push_html(&mut parts, before);
        if let Some(comment) = from_tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").context("index.html: a comment does not end")?.1;
            continue;
        }
        let (tag, after) = split_tag(from_tag)?;
        let attributes = attributes(tag);
        refuse_inline(tag, &attributes)?;
        rest = after;
        if !has(&attributes, "data-trunk") {
            push_html(&mut parts, tag);
            continue;
        }
        parts.push(Part::Built(link(tag, &attributes)?));
        if is_element(tag, "script") {
            rest = after.trim_start().strip_prefix("</script>").context("index.html: a script with src has no text")?;
        }
    }
    push_html(&mut parts, rest);
    Ok(parts)
}

fn push_html<'a>(parts: &mut Vec<Part<'a>>, html: &'a str) {
    if !html.is_empty() {
        parts.push(Part::Html(html));
    }
}

/// Splits behind the `>` that ends the first tag, which may have `>` in quotes.
fn split_tag(html: &str) -> Result<(&str, &str)> {
    let mut quote = None;
    for (at, character) in html.char_indices() {
        match (quote, character) {
            (None, '>') => return Ok(html.split_at(at + 1)),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    bail!("index.html: a tag does not end: {}", html.chars().take(40).collect::<String>())
}

/// Names and values of a tag; a bare attribute has an empty value.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let inside = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
    let mut rest = inside.trim_start_matches(|character: char| !character.is_whitespace());
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|character: char| character.is_whitespace() || character == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return found;
        }
        let Some(value) = after.strip_prefix('=') else {
            found.push((name, ""));
            rest = after;
            continue;
        };
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        found.push((name, value));
        rest = after;
    }
}

fn link<'a>(tag: &str, attributes: &[(&str, &'a str)]) -> Result<Link<'a>> {
    let needed = |name: &str| value(attributes, name).with_context(|| format!("index.html: {tag} lacks {name}"));
    if is_element(tag, "script") {
        return Ok(Link::Script(needed("src")?));
    }
    match needed("rel")? {
        "rust" => Ok(Link::App),
        "css" if has(attributes, "data-apart") => Ok(Link::SheetApart(needed("href")?)),
        "css" => Ok(Link::Sheet(needed("href")?)),
        "icon" => Ok(Link::Icon(needed("href")?)),
        other => bail!("index.html: our build does not know data-trunk rel=\"{other}\""),
    }
}

fn refuse_inline(tag: &str, attributes: &[(&str, &str)]) -> Result<()> {
    let inline_script = is_element(tag, "script") && !has(attributes, "src");
    let inline_style = is_element(tag, "style") || has(attributes, "style");
    let handler = attributes.iter().any(|(name, _)| name.starts_with("on"));
    if inline_script || inline_style || handler {
        bail!("index.html: {tag} is inline, which the Content-Security-Policy forbids; move it to a file of its own");
    }
    Ok(())
}

fn is_element(tag: &str, name: &str) -> bool {
    let inside = tag.trim_start_matches('<');
    inside.strip_prefix(name).is_some_and(|after| after.starts_with(|next: char| next.is_whitespace() || next == '>'))
}

fn has(attributes: &[(&str, &str)], name: &str) -> bool {
    value(attributes, name).is_some()
}

fn value<'a>(attributes: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trunk_builds_is_found_and_the_rest_is_kept() {
        let html = "<head><!-- not shown --><meta name=a content='x > y'>\
            <script data-trunk src=\"theme.js\"></script><link data-trunk rel=\"css\" href=\"a.css\" />\
            <link data-trunk data-apart rel=css href=b.css><link data-trunk rel=rust data-wasm-opt=0></head>";
        let expected = [
            Part::Html("<head>"),
            Part::Html("<meta name=a content='x > y'>"),
            Part::Built(Link::Script("theme.js")),
            Part::Built(Link::Sheet("a.css")),
            Part::Built(Link::SheetApart("b.css")),
            Part::Built(Link::App),
            Part::Html("</head>"),
        ];
        assert_eq!(parse(html).expect("the page is sound"), expected);
    }

    #[test]
    fn what_the_csp_forbids_is_refused_at_build_time() {
        let inline = ["<script>1</script>", "<style>a{}</style>", "<p style='color:red'>", "<body onload='f()'>"];
        for html in inline {
            let error = parse(html).expect_err(html).to_string();
            assert!(error.contains("Content-Security-Policy"), "{html}: {error}");
        }
    }

    #[test]
    fn a_kind_of_link_that_only_trunk_knows_is_refused() {
        let error = parse("<link data-trunk rel=\"sass\" href=\"a.scss\">").expect_err("sass is not ours").to_string();
        assert!(error.contains("sass"), "{error}");
    }

    #[test]
    fn the_page_of_the_app_is_sound() {
        let html = std::fs::read_to_string(crate::root::root().join("index.html")).expect("index.html");
        let parts = parse(&html).expect("index.html is sound");
        assert_eq!(parts.iter().filter(|part| **part == Part::Built(Link::App)).count(), 1);
    }
}
