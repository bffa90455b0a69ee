//! A JSON object with every value of a name that it repeats.
//!
//! `RabbitMQ` can write a field of a queue twice: its value now, and the one of the queue's last statistics (seen on 4.0.5:
//! `online`, for seconds after a node came or went). A derived reader refuses such an object, and a map keeps the older value.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::Value;

/// The fields in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// The current value of a field; `None` if it is absent, `null` or of another type.
    pub(crate) fn first<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.values(name).next().flatten()
    }

    /// What all values of a list have in common; `None` as for [`Fields::first`].
    pub(crate) fn common(&self, name: &str) -> Option<Vec<String>> {
        let mut lists = self.values::<Vec<String>>(name);
        let first = lists.next()??;
        lists.try_fold(first, |mut common, list| {
            let list = list?;
            common.retain(|item| list.contains(item));
            Some(common)
        })
    }

    fn values<T: DeserializeOwned>(&self, name: &str) -> impl Iterator<Item = Option<T>> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| T::deserialize(value).ok())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    fn fields(text: &str) -> Fields {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_current_value_of_a_repeated_field_is_the_first() {
        assert_eq!(
            fields(r#"{"state":"running","state":"down"}"#).first("state"),
            Some("running".to_owned())
        );
    }

    #[test]
    fn an_absent_value_is_none_and_so_is_null_or_another_type() {
        for text in ["{}", r#"{"messages":null}"#, r#"{"messages":"many"}"#] {
            assert_eq!(fields(text).first::<u64>("messages"), None, "{text}");
            assert_eq!(fields(text).common("messages"), None, "{text}");
        }
    }

    #[test]
    fn a_member_is_in_common_only_if_every_value_has_it() {
        let twice = fields(r#"{"online":["a","b"],"leader":"a","online":["c","b"]}"#);
        assert_eq!(twice.common("online"), Some(vec!["b".to_owned()]));
        assert_eq!(fields(r#"{"online":["a","b"],"online":null}"#).common("online"), None);
    }
}
