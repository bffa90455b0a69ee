// Signs a token as the original's user service does: the whole document, for 15 days.
//   node sign-shared-secret.cjs USER_JSON SECRET   prints the token
const jwt = require("jsonwebtoken");

const [user, secret] = process.argv.slice(2);
console.log(jwt.sign({ user: JSON.parse(user) }, secret, { expiresIn: "15d" }));
