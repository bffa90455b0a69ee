//! Consumes mail events and delivers them by SMTP.
