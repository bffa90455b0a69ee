//! The Lua scripts. `redis::Script` sends `EVALSHA` and loads again where Redis does not know it any more, so that a
//! restart or `SCRIPT FLUSH` is invisible.

use redis::Script;

/// Stands in front of every script, after the first line.
const SLOTS: &str = include_str!("scripts/slots.lua");

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
            issue: script(include_str!("scripts/issue.lua")),
            take_back: script(include_str!("scripts/take_back.lua")),
            claim: script(include_str!("scripts/claim.lua")),
            consume: script(include_str!("scripts/consume.lua")),
            release: script(include_str!("scripts/release.lua")),
        }
    }
}

fn script(text: &str) -> Script {
    Script::new(&whole(text))
}

/// The first line stays first: without `#!lua` Redis lets a script run half past `maxmemory` (measured). Those that
/// only give back have `flags=allow-oom`: a full Redis must not keep what it could be rid of.
fn whole(text: &str) -> String {
    let (shebang, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{shebang}\n{SLOTS}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn every_script_begins_with_the_shebang() {
        for (name, text) in [
            ("issue", include_str!("scripts/issue.lua")),
            ("take_back", include_str!("scripts/take_back.lua")),
            ("claim", include_str!("scripts/claim.lua")),
            ("consume", include_str!("scripts/consume.lua")),
            ("release", include_str!("scripts/release.lua")),
        ] {
            assert!(whole(text).starts_with("#!lua"), "{name}");
        }
    }
}
