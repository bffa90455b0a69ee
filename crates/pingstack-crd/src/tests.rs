mod reference;
mod rules;
mod schema;
