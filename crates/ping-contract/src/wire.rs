//! The exact sentences that clients of the original services read. Changing one breaks a client.

/// 200 of `POST /api/v1/login`.
pub const CODE_SENT: &str = "OTP has been sent to your email";
/// 429 of `POST /api/v1/login` while the address' resend limit runs.
pub const TOO_MANY_LOGINS: &str = "Too many requests. Please wait before requesting another OTP.";
/// 200 of `POST /api/v1/verify-otp`.
pub const SIGNED_IN: &str = "Login successful";
/// 400 of `POST /api/v1/verify-otp`, whatever was wrong with the code.
pub const INVALID_CODE: &str = "Invalid or expired OTP";
/// 400 of `POST /api/v1/verify-otp` without one of its fields.
pub const FIELDS_REQUIRED: &str = "Email and OTP are required";
/// 401 without a token.
pub const NO_TOKEN: &str = "Unauthorized - Please login to access, no token provided!";
/// 401 with a bad token.
pub const INVALID_TOKEN: &str = "Please login to access, invalid token!";
/// 200 of `PUT /api/v1/users/me`.
pub const NAME_UPDATED: &str = "Name updated successfully";
/// 400 of `PUT /api/v1/users/me`.
pub const NAME_REQUIRED: &str = "Name is required and must be a non-empty string";
/// 404 of `GET /api/v1/users/{id}`.
pub const USER_NOT_FOUND: &str = "User not found";
