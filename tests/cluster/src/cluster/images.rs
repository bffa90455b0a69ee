//! The names of images, from the lists that build them.

use crate::{cluster::Cluster, settings};

const LISTS: [&str; 2] = ["k8s/images/list", "tests/cluster/images"];

/// The whole name of the image `name`.
pub(crate) fn image(cluster: &Cluster, name: &str) -> String {
    let texts = LISTS.map(|list| std::fs::read_to_string(cluster.repository.join(list)).unwrap_or_default());
    let version = texts.iter().find_map(|text| version_in(text, name));
    let version = version.unwrap_or_else(|| panic!("no image {name} in {LISTS:?}"));
    format!("{}/{name}:{version}", settings::registry())
}

/// The version of the image `name` in a list.
pub(crate) fn version_in(list: &str, name: &str) -> Option<String> {
    list.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        (fields.next() == Some(name)).then(|| fields.next()).flatten().map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_column_of_a_list_is_the_version() {
        let list = "# NAME VERSION\nredis 8 rootfs k8s/images/redis x\nnginx  1  rootfs  y z\n";
        assert_eq!(version_in(list, "nginx").as_deref(), Some("1"));
        assert_eq!(version_in(list, "ngin"), None);
    }
}
