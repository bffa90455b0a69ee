//! The files of templates, and the copy that pods mount: a ConfigMap that never changes, named by a hash of what it has.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use crate::{controller::hash::ContentHash, names::StackId};

/// The key of the brand in a copy. No file of templates has this name.
pub const BRAND: &str = "brand.json";

/// Files by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Files by their names.
    #[must_use]
    pub const fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self(files)
    }

    /// What a ConfigMap holds. `kubectl create configmap --from-file` puts what is not UTF-8 into `binaryData`.
    #[must_use]
    pub fn of(config_map: ConfigMap) -> Self {
        let texts = config_map.data.into_iter().flatten().map(|(name, text)| (name, text.into_bytes()));
        let others = config_map.binary_data.into_iter().flatten().map(|(name, bytes)| (name, bytes.0));
        Self(texts.chain(others).collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// As the checks take them.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.clone()
    }

    /// Of names and contents.
    #[must_use]
    pub fn hash(&self) -> String {
        self.add_to(ContentHash::default()).finish()
    }

    fn add_to(&self, hash: ContentHash) -> ContentHash {
        self.0.iter().fold(hash, |hash, (name, content)| hash.bytes(name).bytes(content))
    }
}

/// What pods mount: the brand, and files that passed the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The brand, as JSON.
    pub brand: String,
    /// The files; empty for what Ping ships.
    pub files: Files,
}

impl Copy {
    /// The name of the ConfigMap that has it. Another content has another name.
    #[must_use]
    pub fn name(&self, id: &StackId) -> String {
        let hash = ContentHash::default().bytes(BRAND).bytes(&self.brand);
        id.mail_copy(&self.files.add_to(hash).finish())
    }

    /// Keys and texts of that ConfigMap. Files that passed are UTF-8.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, String> {
        let text = |content: &Vec<u8>| String::from_utf8_lossy(content).into_owned();
        let files = self.files.0.iter().map(|(name, content)| (name.clone(), text(content)));
        files.chain([(BRAND.to_owned(), self.brand.clone())]).collect()
    }

    /// What a ConfigMap of this stack has, if it is such a copy: its name must be that of its content.
    #[must_use]
    pub fn read(id: &StackId, config_map: &ConfigMap) -> Option<Self> {
        let name = config_map.metadata.name.as_ref()?;
        let mut data = config_map.data.clone()?;
        let brand = data.remove(BRAND)?;
        let files = data.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        let copy = Self { brand, files: Files(files) };
        (copy.name(id) == *name).then_some(copy)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{ByteString, api::core::v1::ConfigMap};
    use serde_json::{from_value, json};

    use super::{Copy, Files};
    use crate::{controller::branding::files_of, fixtures};

    fn copy(brand: &str, files: &[(&str, &str)]) -> Copy {
        Copy { brand: brand.to_owned(), files: files_of(files) }
    }

    fn config_map(name: &str, copy: &Copy) -> ConfigMap {
        from_value(json!({ "metadata": { "name": name }, "data": copy.data() })).unwrap()
    }

    #[test]
    fn a_copy_is_read_back_and_named_by_its_content() {
        let id = fixtures::stack_id();
        let one = copy("{}", &[("code.txt", "a"), ("words.de.json", "{}")]);
        let name = one.name(&id);
        assert!(name.starts_with("demo-mail-") && name.len() == "demo-mail-".len() + 16, "{name}");
        assert_eq!(Copy::read(&id, &config_map(&name, &one)).as_ref(), Some(&one));
        for other in
            [copy("{ }", &[("code.txt", "a"), ("words.de.json", "{}")]), copy("{}", &[("code.txt", "a")])]
        {
            assert_ne!(other.name(&id), name);
        }
    }

    #[test]
    fn what_somebody_else_has_put_into_the_place_of_a_copy_is_not_taken_for_one() {
        let id = fixtures::stack_id();
        let name = copy("{}", &[("code.txt", "a")]).name(&id);
        assert_eq!(Copy::read(&id, &config_map(&name, &copy("{}", &[("code.txt", "b")]))), None);
        let without_brand: ConfigMap = from_value(json!({ "metadata": { "name": name } })).unwrap();
        assert_eq!(Copy::read(&id, &without_brand), None);
    }

    #[test]
    fn files_that_are_not_utf8_are_among_them() {
        let binary = [("code.html".to_owned(), ByteString(vec![0xff]))].into();
        let texts = [("code.txt".to_owned(), "a".to_owned())].into();
        let config_map = ConfigMap { binary_data: Some(binary), data: Some(texts), ..ConfigMap::default() };
        let files = Files::of(config_map);
        assert_eq!(files.names().collect::<Vec<_>>(), ["code.html", "code.txt"]);
        assert_eq!(files.contents()["code.html"], [0xff]);
    }
}
