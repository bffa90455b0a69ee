//! The Lua scripts. `redis::Script` sends `EVALSHA` and loads again where Redis does not know it any more, so that a
//! restart or `SCRIPT FLUSH` is invisible.

use redis::Script;

/// What the scripts share stands in front of each of them, after the first line.
const SLOTS: &str = include_str!("scripts/slots.lua");
/// For those that check windows, after [`SLOTS`].
const WINDOWS: &str = include_str!("scripts/windows.lua");
/// For those that ask or remember which networks an address was signed in from.
const NETWORKS: &str = include_str!("scripts/networks.lua");

/// All scripts, built once: each costs a SHA-1.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) issue: Script,
    pub(super) take_back: Script,
    pub(super) claim: Script,
    pub(super) consume: Script,
    pub(super) release: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            issue: script(include_str!("scripts/issue.lua"), &[SLOTS, WINDOWS, NETWORKS]),
            take_back: script(include_str!("scripts/take_back.lua"), &[SLOTS]),
            claim: script(include_str!("scripts/claim.lua"), &[SLOTS, WINDOWS, NETWORKS]),
            consume: script(include_str!("scripts/consume.lua"), &[SLOTS, NETWORKS]),
            release: script(include_str!("scripts/release.lua"), &[SLOTS]),
        }
    }
}

fn script(text: &str, shared: &[&str]) -> Script {
    Script::new(&whole(text, shared))
}

/// The first line stays first: without `#!lua` Redis lets a script run half past `maxmemory` (measured). Those that
/// only give back have `flags=allow-oom`: a full Redis must not keep what it could be rid of.
fn whole(text: &str, shared: &[&str]) -> String {
    let (shebang, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{shebang}\n{}\n{rest}", shared.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{NETWORKS, SLOTS, WINDOWS, whole};

    #[test]
    fn every_script_begins_with_the_shebang() {
        for (name, text) in [
            ("issue", include_str!("scripts/issue.lua")),
            ("take_back", include_str!("scripts/take_back.lua")),
            ("claim", include_str!("scripts/claim.lua")),
            ("consume", include_str!("scripts/consume.lua")),
            ("release", include_str!("scripts/release.lua")),
        ] {
            let whole = whole(text, &[SLOTS, WINDOWS, NETWORKS]);
            assert!(whole.starts_with("#!lua"), "{name}");
            assert_eq!(whole.lines().filter(|line| line.starts_with("#!lua")).count(), 1, "{name}");
        }
    }
}
