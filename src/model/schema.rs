//! A valid JSON schema, compiled.
//!
//! A schema that refers to another document is refused: Referee fetches nothing. Patterns run in linear time, because
//! they are applied to untrusted outputs.

use std::fmt;
use std::sync::Arc;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

#[derive(Clone)]
pub struct Schema {
    text: Value,
    validator: Arc<Validator>,
}

impl Schema {
    /// # Errors
    /// The reason why the value is not a usable schema, as the end of a sentence.
    pub fn new(text: Value) -> Result<Self, String> {
        let built = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(NoRetriever)
            .build(&text);
        match built {
            Ok(validator) => Ok(Self { text, validator: Arc::new(validator) }),
            Err(error) => {
                let at = error.instance_path().to_string();
                let message = error.to_string();
                Err(if at.is_empty() { message } else { format!("{at}: {message}") })
            }
        }
    }

    /// The first violation, if the value does not follow the schema.
    pub fn violation(&self, value: &Value) -> Option<SchemaViolation> {
        let error = self.validator.validate(value).err()?;
        Some(SchemaViolation { pointer: error.instance_path().to_string(), message: error.masked().to_string() })
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaViolation {
    /// JSON pointer to the value; empty for the whole text.
    pub pointer: String,
    /// Does not repeat the value.
    pub message: String,
}

struct NoRetriever;

impl Retrieve for NoRetriever {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is in another document, and Referee reads no other documents").into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_violation_is_reported_without_the_value() {
        let schema = Schema::new(json!({
            "type": "object",
            "additionalProperties": { "type": "array", "maxItems": 2 },
        }))
        .unwrap();
        assert_eq!(schema.violation(&json!({ "a": [1, 2] })), None);
        let violation = schema.violation(&json!({ "a": [], "b": "secret" })).unwrap();
        assert_eq!(violation.pointer, "/b");
        assert!(!violation.message.contains("secret"), "{violation:?}");
    }

    #[test]
    fn invalid_schemas_and_schemas_with_references_are_refused() {
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
