//! Commands as one would type them.

/// A word that a shell takes as this text: as it is where nothing in it means more to a shell,
/// else quoted.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn only_what_means_more_to_a_shell_is_quoted() {
        for plain in ["mlp:100x100", "ewc.lambda=0.5", "runs/a-1.toml", "a,b", "tâche"] {
            assert_eq!(word(plain), plain);
        }
        for (text, quoted) in [("", "''"), ("a b", "'a b'"), ("$x", "'$x'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(word(text), quoted);
        }
    }
}
