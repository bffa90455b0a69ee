// Checks a token as the original's chat service does: jsonwebtoken, and `decoded.user`.
//   node verify-shared-secret.cjs TOKEN SECRET   prints the user
const jwt = require("jsonwebtoken");

const [token, secret] = process.argv.slice(2);
const decoded = jwt.verify(token, secret);
if (!decoded || !decoded.user) {
  throw new Error("the token names no user");
}
console.log(JSON.stringify(decoded.user));
