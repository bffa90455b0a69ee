//! `login`: a sign-in with a code from Mailpit, or from whoever reads the mail.

use std::io::Write as _;

use anyhow::{Context, Result, bail};

use crate::arguments::{Login, Output};
use crate::mailpit::Mailpit;
use crate::sign_in::{self, UserService};
use crate::{claims, http, synthetic_login};

pub(crate) async fn run(arguments: &Login) -> Result<()> {
    if arguments.email.is_none() {
        if arguments.stack.is_only_named() {
            return synthetic_login::run(arguments).await;
        }
        if arguments.stack.mailpit.is_none() && arguments.stack.mailpit_service.is_none() {
            bail!("whose code? name an address with --email, or a Mailpit with --mailpit");
        }
    }
    let client = http::client()?;
    let reached = arguments.stack.reach().await?;
    let email = arguments.email.clone().unwrap_or_else(|| sign_in::new_address("login"));
    let user_service = UserService {
        client: client.clone(),
        url: reached.user_service.clone(),
        deadline: arguments.deadline,
        await_start: false,
    };
    let mailpit = reached.mailpit.clone().map(|url| Mailpit { client, url });
    let before = match &mailpit {
        Some(mailpit) => mailpit.newest(&email).await?,
        None => None,
    };
    let requested = user_service.log_in(&email).await?;
    eprintln!("login:   {}", requested.message);
    let code = match &mailpit {
        Some(mailpit) => {
            let mail = sign_in::new_mail(mailpit, &email, before.as_deref(), arguments.deadline).await?;
            eprintln!("mail:    {}", mail.lines().next().unwrap_or_default());
            sign_in::code_of(&mail)?.to_owned()
        }
        None => ask_for_code(&email).await?,
    };
    let signed_in = user_service.verify(&email, &code, &requested).await?;
    eprintln!("verify:  {}", signed_in.message);
    match arguments.output {
        Output::Token => println!("{}", signed_in.token),
        Output::Claims => {
            eprintln!("claims:");
            println!("{:#}", claims::of(&signed_in.token)?);
        }
    }
    Ok(())
}

async fn ask_for_code(email: &str) -> Result<String> {
    eprint!("code in the mail to {email}: ");
    std::io::stderr().flush()?;
    // The forward to the stack goes on meanwhile.
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next()).await?;
    Ok(line.context("no code was entered")??)
}
