//! The little XML that S3 servers speak: flat elements with text.

/// The texts of all elements of this name, in order.
pub(super) fn texts(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut texts = Vec::new();
    let mut rest = xml;
    while let Some((_, behind)) = rest.split_once(&open) {
        let Some((text, behind)) = behind.split_once(&close) else { break };
        texts.push(plain(text));
        rest = behind;
    }
    texts
}

/// The text of the first element of this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    texts(xml, name).into_iter().next()
}

/// Text as it may stand in an element.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn plain(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#34;", "\"");
    named.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_names() {
        let xml = "<R xmlns=\"x\"><Contents><Key>a&amp;b</Key></Contents><Contents><Key>c</Key></Contents><Key>open";
        assert_eq!(texts(xml, "Key"), ["a&b", "c"]);
        assert_eq!((text(xml, "Token"), text("<E>&amp;lt;</E>", "E")), (None, Some("&lt;".to_owned())));
        assert_eq!(plain(&escaped("<a & \"b\">")), "<a & \"b\">");
    }
}
