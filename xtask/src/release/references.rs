//! What the released charts and `install.yaml` call the images: by their digests.

use super::Artifact;
use super::charts::Upstream;

/// What is replaced by what.
#[derive(Debug)]
pub(crate) struct References {
    whole: Vec<Replacement>,
    repositories: Vec<Replacement>,
    digest_of_operator: String,
}

#[derive(Debug)]
struct Replacement {
    from: String,
    to: String,
}

impl References {
    pub(super) fn new(registry: &str, version: &str, pushed: &[Artifact], upstream: &[Upstream]) -> Self {
        let ours = pushed.iter().map(|image| Replacement {
            from: format!("localhost/ping/{}:dev", image.name),
            to: format!("{registry}/{}:{version}@{}", image.name, image.digest),
        });
        let others = upstream.iter().map(|image| Replacement {
            from: image.built.clone(),
            to: image
                .digest
                .as_ref()
                .map_or_else(|| image.reference.clone(), |digest| format!("{}@{digest}", image.reference)),
        });
        let repositories = pushed.iter().map(|image| Replacement {
            from: format!("localhost/ping/{}", image.name),
            to: image.repository.clone(),
        });
        let operator = pushed.iter().find(|image| image.name == "operator");
        Self {
            whole: ours.chain(others).collect(),
            repositories: repositories.collect(),
            digest_of_operator: operator.map(|image| image.digest.clone()).unwrap_or_default(),
        }
    }

    /// Any text that names images.
    pub(super) fn in_text(&self, text: &str) -> String {
        let replaced = self.whole.iter().chain(&self.repositories);
        replaced.fold(text.to_owned(), |text, replacement| text.replace(&replacement.from, &replacement.to))
    }

    /// The values of the operator's chart, whose image has parts: an empty tag is the chart's appVersion.
    pub(super) fn in_values(&self, text: &str) -> String {
        let digest = format!("  digest: \"{}\"", self.digest_of_operator);
        let text = self.in_text(text).replace("\n  tag: dev\n", "\n  tag: \"\"\n");
        text.replace("\n  digest: \"\"\n", &format!("\n{digest}\n"))
    }

    /// The README of the operator's chart, which has a table of the values.
    pub(super) fn in_readme(&self, text: &str) -> String {
        let text = self.in_text(text).replace("| `image.tag` | `\"dev\"` |", "| `image.tag` | `\"\"` |");
        let digest = format!("| `image.digest` | `\"{}\"` |", self.digest_of_operator);
        text.replace("| `image.digest` | `\"\"` |", &digest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Artifact;
    use super::super::charts::Upstream;
    use super::References;

    fn references() -> References {
        let image = |name: &str| Artifact {
            name: name.to_owned(),
            repository: format!("registry.example.org/you/{name}"),
            digest: format!("sha256:{name}"),
        };
        let upstream = |built: &str, reference: &str, digest: Option<&str>| Upstream {
            built: built.to_owned(),
            reference: reference.to_owned(),
            digest: digest.map(str::to_owned),
        };
        References::new(
            "registry.example.org/you",
            "1.2.3",
            &[image("operator"), image("user-service")],
            &[
                upstream("localhost/ping/redis:8", "docker.io/library/redis:8", Some("sha256:redis")),
                upstream("localhost/ping/mailpit:1", "docker.io/axllent/mailpit:v1", None),
            ],
        )
    }

    #[test]
    fn every_image_is_named_by_its_digest() {
        let text = "a: localhost/ping/user-service:dev\nb: \"localhost/ping/redis:8\"\nc: localhost/ping/mailpit:1\n";
        assert_eq!(
            references().in_text(text),
            "a: registry.example.org/you/user-service:1.2.3@sha256:user-service\n\
             b: \"docker.io/library/redis:8@sha256:redis\"\nc: docker.io/axllent/mailpit:v1\n"
        );
    }

    #[test]
    fn the_operators_image_has_its_digest_in_the_values_and_in_the_readme() {
        let values = "image:\n  repository: localhost/ping/operator\n  tag: dev\n  digest: \"\"\n";
        assert_eq!(
            references().in_values(values),
            "image:\n  repository: registry.example.org/you/operator\n  tag: \"\"\n  digest: \"sha256:operator\"\n"
        );
        let readme = references().in_readme("| `image.tag` | `\"dev\"` |\n| `image.digest` | `\"\"` |\n");
        assert_eq!(readme, "| `image.tag` | `\"\"` |\n| `image.digest` | `\"sha256:operator\"` |\n");
    }
}
