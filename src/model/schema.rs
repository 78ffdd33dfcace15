//! A JSON schema that was found valid.
//!
//! Whatever is outside of its text is refused: nothing is fetched to understand a schema. Patterns
//! run in linear time, because what they are held against comes from strangers.

use std::fmt;
use std::sync::Arc;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

/// A JSON schema, ready for use.
#[derive(Clone)]
pub struct Schema {
    text: Value,
    validator: Arc<Validator>,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// Why it is none, as the end of a sentence.
    pub fn new(text: Value) -> Result<Self, String> {
        let built = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(Alone)
            .build(&text);
        match built {
            Ok(validator) => Ok(Self {
                text,
                validator: Arc::new(validator),
            }),
            Err(error) => {
                let at = error.instance_path().to_string();
                let message = error.to_string();
                Err(match at.is_empty() {
                    true => message,
                    false => format!("{at}: {message}"),
                })
            }
        }
    }

    /// The first thing that breaks the schema: where, as a JSON pointer, and what, without repeating
    /// the value itself.
    pub fn breach(&self, value: &Value) -> Option<(String, String)> {
        let error = self.validator.validate(value).err()?;
        Some((
            error.instance_path().to_string(),
            error.masked().to_string(),
        ))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.text).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Fetches nothing.
struct Alone;

impl Retrieve for Alone {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is in another file, which is not read").into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_breach_is_told_without_the_value() {
        let schema = Schema::new(json!({
            "type": "object",
            "additionalProperties": { "type": "array", "maxItems": 2 },
        }))
        .unwrap();
        assert_eq!(schema.breach(&json!({ "a": [1, 2] })), None);
        let (at, message) = schema.breach(&json!({ "a": [], "b": "secret" })).unwrap();
        assert_eq!(at, "/b");
        assert!(!message.contains("secret"), "{message}");
    }

    #[test]
    fn no_schema_reaches_out() {
        for text in [
            json!({ "type": "objekt" }),
            json!({ "$ref": "https://example.org/other.json" }),
            json!({ "$ref": "file:///etc/passwd" }),
            json!({ "pattern": "(" }),
            json!({ "pattern": "(?=x)" }),
            json!(5),
        ] {
            assert!(Schema::new(text.clone()).is_err(), "{text}");
        }
    }
}
