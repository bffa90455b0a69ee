//! The fields of a PingStack's spec, as the CRD has them.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::repository::Repository;

const CRD: &str = "charts/ping-operator/files/crd.yaml";

pub(super) struct Field {
    pub(super) name: String,
    /// On one line.
    pub(super) description: String,
    pub(super) schema: Map<String, Value>,
    pub(super) is_required: bool,
    is_top: bool,
    pub(super) fields: Vec<Field>,
}

pub(super) fn read(repository: &Repository) -> Result<Vec<Field>> {
    let mut crd: Value =
        serde_yaml::from_str(&repository.read(CRD)?).with_context(|| format!("{CRD} is not valid YAML"))?;
    with_whole_numbers(&mut crd);
    let versions = crd["spec"]["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let stored = versions.iter().find(|version| version["storage"] == true);
    let Some(version) = stored else { bail!("{CRD} stores none of its {} versions", versions.len()) };
    let mut fields = fields_of(&version["schema"]["openAPIV3Schema"]["properties"]["spec"]);
    for field in &mut fields {
        field.is_top = true;
    }
    Ok(fields)
}

/// Bounds are floating-point numbers in the CRD: `60.0` becomes `60`.
fn with_whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.to_string().strip_suffix(".0").and_then(|whole| whole.parse::<i64>().ok());
            if let Some(whole) = whole {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(with_whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The properties of an object, required ones first.
pub(super) fn fields_of(schema: &Value) -> Vec<Field> {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut fields: Vec<Field> = properties
        .map(|(name, schema)| Field {
            name: name.clone(),
            description: schema["description"]
                .as_str()
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            schema: schema.as_object().cloned().unwrap_or_default(),
            is_required: required.iter().any(|required| required == name),
            is_top: false,
            fields: fields_of(schema),
        })
        .collect();
    fields.sort_by_key(|field| (!field.is_required, field.name.clone()));
    fields
}

impl Field {
    /// An object that always exists, so that values.yaml lists its fields.
    pub(super) fn is_block(&self) -> bool {
        !self.fields.is_empty() && !self.is_optional() && (self.schema.contains_key("default") || self.is_top)
    }

    /// Leaving the field out means something else than any value of it.
    fn is_optional(&self) -> bool {
        self.schema.get("nullable") == Some(&Value::Bool(true))
    }

    /// The default as one line of JSON, which is YAML too; `null` where there is none.
    pub(super) fn value(&self) -> String {
        match self.schema.get("default") {
            Some(default) if !self.is_optional() => default.to_string(),
            _ => Value::Null.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fields_of, read, with_whole_numbers};
    use crate::repository::planted;

    #[test]
    fn required_fields_come_first_and_descriptions_are_one_line() {
        let fields = fields_of(&json!({
            "required": ["z"],
            "properties": {
                "a": { "description": "Two\n  lines.", "default": { "b": 1 }, "properties": { "b": {} } },
                "z": { "type": "string" },
                "n": { "nullable": true, "default": 5, "properties": { "b": {} } },
            },
        }));
        let [z, a, n] = &fields[..] else { panic!("three fields") };
        assert!(z.name == "z" && z.is_required && z.value() == "null");
        assert!(a.is_block() && a.description == "Two lines." && a.value() == r#"{"b":1}"#);
        assert!(!n.is_block() && n.value() == "null");
    }

    #[test]
    fn whole_numbers_lose_their_fraction() {
        let mut value = json!({ "minimum": 60.0, "steps": [0.5, 7, -1.0] });
        with_whole_numbers(&mut value);
        assert_eq!(value.to_string(), r#"{"minimum":60,"steps":[0.5,7,-1]}"#);
    }

    #[test]
    fn the_chart_is_made_for_the_version_that_is_stored() {
        let crd = |stored: &str| {
            let schema = "schema: { openAPIV3Schema: { properties: { spec: { properties: { a: {} } } } } }";
            format!("spec: {{ versions: [{{}}, {{ {stored}{schema} }}] }}")
        };
        let (_folder, repository) = planted::repository(&[(super::CRD, &crd("storage: true, "))]);
        assert_eq!(read(&repository).unwrap().first().unwrap().name, "a");
        let (_folder, repository) = planted::repository(&[(super::CRD, &crd(""))]);
        assert!(read(&repository).err().unwrap().to_string().contains("stores none of its 2 versions"));
    }
}
