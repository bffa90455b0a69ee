//! The faults that a soak chooses from.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};
use system_tests::platform::Platform;
use test_kit::{
    proxy::{Mode, Proxy},
    smtp::{Action, Phase, Rule},
};
use tokio::time::{Instant, sleep_until};

use crate::rig::DEADLINE;

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    RedisKilled,
    RedisFrozen,
    RedisReset,
    RedisSilent,
    BrokerKilled,
    BrokerStopped,
    BrokerFrozen,
    PublisherReset,
    PublisherSilent,
    ConsumerReset,
    ConsumerSilent,
    MailServerAway,
    MailServerBusy,
    MailServerDefers,
    MailServerSilent,
    MailServerSlow,
    MailServiceFrozen,
    UserServiceFrozen,
    MailServiceKilled,
    MailServiceStopped,
    UserServiceKilled,
    UserServiceStopped,
}

impl Fault {
    const ALL: [Self; 22] = [
        Self::RedisKilled,
        Self::RedisFrozen,
        Self::RedisReset,
        Self::RedisSilent,
        Self::BrokerKilled,
        Self::BrokerStopped,
        Self::BrokerFrozen,
        Self::PublisherReset,
        Self::PublisherSilent,
        Self::ConsumerReset,
        Self::ConsumerSilent,
        Self::MailServerAway,
        Self::MailServerBusy,
        Self::MailServerDefers,
        Self::MailServerSilent,
        Self::MailServerSlow,
        Self::MailServiceFrozen,
        Self::UserServiceFrozen,
        Self::MailServiceKilled,
        Self::MailServiceStopped,
        Self::UserServiceKilled,
        Self::UserServiceStopped,
    ];
    /// How many of them, at the end, start a service anew.
    const RESTARTS: usize = 4;

    /// Any of them, or any that leaves the services' processes alive.
    pub(super) fn any(random: &mut StdRng, restarts: bool) -> Self {
        let count = Self::ALL.len() - if restarts { 0 } else { Self::RESTARTS };
        Self::ALL[random.random_range(0..count)]
    }

    /// Begins, lasts, ends; returns when it is over.
    pub(super) async fn play(self, platform: &mut Platform, lasts: Duration) {
        let over = sleep_until(Instant::now() + lasts);
        match self {
            Self::RedisKilled | Self::RedisFrozen | Self::RedisReset | Self::RedisSilent => {
                self.play_on_redis(platform, over).await;
            }
            Self::BrokerKilled | Self::BrokerStopped | Self::BrokerFrozen => {
                self.play_on_broker(platform, over).await;
            }
            Self::PublisherReset => platform.publisher_proxy.reset_connections(),
            Self::PublisherSilent => silent(&platform.publisher_proxy, over).await,
            Self::ConsumerReset => platform.consumer_proxy.reset_connections(),
            Self::ConsumerSilent => silent(&platform.consumer_proxy, over).await,
            Self::MailServerAway
            | Self::MailServerBusy
            | Self::MailServerDefers
            | Self::MailServerSilent
            | Self::MailServerSlow => self.play_on_mail_server(platform, over).await,
            _ => self.play_on_service(platform, over).await,
        }
    }

    async fn play_on_redis(self, platform: &mut Platform, over: impl Future<Output = ()>) {
        match self {
            Self::RedisFrozen => {
                platform.redis.process.pause();
                over.await;
                platform.redis.process.resume();
            }
            Self::RedisReset => platform.redis_proxy.reset_connections(),
            Self::RedisSilent => silent(&platform.redis_proxy, over).await,
            _ => {
                platform.redis.kill9().await;
                over.await;
                platform.redis.restart().await;
            }
        }
    }

    async fn play_on_broker(self, platform: &mut Platform, over: impl Future<Output = ()>) {
        match self {
            Self::BrokerFrozen => {
                platform.rabbitmq.process.pause();
                over.await;
                return platform.rabbitmq.process.resume();
            }
            Self::BrokerStopped => platform.rabbitmq.process.stop().await,
            _ => platform.rabbitmq.kill9().await,
        }
        over.await;
        platform.rabbitmq.restart().await;
    }

    async fn play_on_mail_server(self, platform: &Platform, over: impl Future<Output = ()>) {
        let rule = match self {
            Self::MailServerAway => Rule::new(Phase::MailFrom, Action::Close),
            Self::MailServerBusy => Rule::reply(Phase::MailFrom, "421 4.3.2 busy"),
            Self::MailServerDefers => Rule::reply(Phase::RcptTo, "451 4.7.1 try later"),
            Self::MailServerSilent => Rule::new(Phase::RcptTo, Action::Silence),
            _ => Rule::new(Phase::RcptTo, Action::Delay(Duration::from_millis(200))),
        };
        platform.smtp.add_rule(rule);
        if matches!(self, Self::MailServerAway) {
            platform.smtp.refuse_connections().await;
        }
        over.await;
        platform.smtp.clear_rules();
        platform.smtp.accept_connections().await;
    }

    async fn play_on_service(self, platform: &mut Platform, over: impl Future<Output = ()>) {
        let service = match self {
            Self::MailServiceFrozen | Self::MailServiceKilled | Self::MailServiceStopped => {
                &mut platform.mail_service
            }
            _ => &mut platform.user_service,
        };
        match self {
            Self::MailServiceFrozen | Self::UserServiceFrozen => {
                service.pause();
                over.await;
                return service.resume();
            }
            Self::MailServiceStopped | Self::UserServiceStopped => {
                service.terminate(DEADLINE).await;
            }
            _ => service.kill9().await,
        }
        over.await;
        service.restart().await;
    }
}

async fn silent(proxy: &Proxy, over: impl Future<Output = ()>) {
    proxy.set_mode(Mode::BlackHole).await;
    over.await;
    proxy.set_mode(Mode::Forward).await;
}
