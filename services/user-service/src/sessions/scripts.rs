//! The Lua scripts of sessions.

use redis::Script;

/// All scripts, built once: each costs a SHA-1.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) start: Script,
    pub(super) rotate: Script,
    pub(super) list: Script,
    pub(super) end: Script,
    pub(super) end_all: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            start: Script::new(include_str!("scripts/start.lua")),
            rotate: Script::new(include_str!("scripts/rotate.lua")),
            list: Script::new(include_str!("scripts/list.lua")),
            end: Script::new(include_str!("scripts/end.lua")),
            end_all: Script::new(include_str!("scripts/end_all.lua")),
        }
    }
}

#[cfg(test)]
mod tests {
    /// Without it Redis lets a script run half past `maxmemory` (measured).
    #[test]
    fn every_script_begins_with_the_shebang() {
        for text in [
            include_str!("scripts/start.lua"),
            include_str!("scripts/rotate.lua"),
            include_str!("scripts/list.lua"),
            include_str!("scripts/end.lua"),
            include_str!("scripts/end_all.lua"),
            include_str!("../tokens/scripts/publish_keys.lua"),
        ] {
            assert!(text.starts_with("#!lua\n"), "{text}");
        }
    }
}
