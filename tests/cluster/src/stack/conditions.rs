//! Waiting for what the status of a stack says.

use std::time::Duration;

use crate::{
    deadline,
    pingstack::{Condition, conditions, in_words},
    stack::Stack,
    wait::{eventually, seen},
};

impl Stack<'_> {
    pub async fn condition(&self, kind: &str) -> Option<Condition> {
        conditions(&self.object().await).into_iter().find(|condition| condition.kind == kind)
    }

    /// Waits until it is ready in its newest generation.
    pub async fn wait_ready(&self) {
        let wanted = Wanted {
            kind: "Ready",
            what: "to be True",
            holds: &|condition, generation| {
                condition.status == "True" && condition.observed_generation == generation
            },
        };
        self.wait_for(wanted, deadline::STACK).await;
    }

    /// Waits until a condition has this status.
    pub async fn wait_condition(&self, kind: &str, status: &str, deadline: Duration) -> Condition {
        let what = format!("to be {status}");
        let wanted = Wanted { kind, what: &what, holds: &|condition, _| condition.status == status };
        self.wait_for(wanted, deadline).await
    }

    /// Waits until a condition has this reason.
    pub async fn wait_reason(&self, kind: &str, reason: &str, deadline: Duration) -> Condition {
        let what = format!("to say {reason}");
        let wanted = Wanted { kind, what: &what, holds: &|condition, _| condition.reason == reason };
        self.wait_for(wanted, deadline).await
    }

    /// Waits until the operator has observed this generation.
    pub async fn wait_observed(&self, generation: i64, deadline: Duration) {
        eventually(
            format!("generation {generation} of {} to be observed", self.name),
            deadline,
            async || {
                let observed = self.look().await?["status"]["observedGeneration"].clone();
                seen(observed == generation, || observed.to_string())
            },
        )
        .await;
    }

    /// Waits until there is no condition of this kind.
    pub async fn wait_no_condition(&self, kind: &str, deadline: Duration) {
        eventually(format!("the condition {kind} of {} to be gone", self.name), deadline, async || {
            let stack = self.look().await?;
            seen(conditions(&stack).iter().all(|condition| condition.kind != kind), || in_words(&stack))
        })
        .await;
    }

    async fn wait_for(&self, wanted: Wanted<'_>, deadline: Duration) -> Condition {
        let Wanted { kind, what, holds } = wanted;
        eventually(format!("{kind} of {} {what}", self.name), deadline, async || {
            let stack = self.look().await?;
            let generation = stack["metadata"]["generation"].as_i64().unwrap_or_default();
            let found = conditions(&stack).into_iter().find(|condition| condition.kind == kind);
            let found = found.ok_or_else(|| in_words(&stack))?;
            seen(holds(&found, generation), || in_words(&stack))?;
            Ok(found)
        })
        .await
    }
}

struct Wanted<'a> {
    kind: &'a str,
    what: &'a str,
    holds: &'a dyn Fn(&Condition, i64) -> bool,
}
