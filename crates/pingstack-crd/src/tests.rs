mod mail_names;
mod reference;
mod rules;
mod schema;
