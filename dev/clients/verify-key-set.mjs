// Checks a token by the published key set alone, as any other service does: jose.
//   node verify-key-set.mjs KEY_SET_URL TOKEN ISSUER AUDIENCE   prints header and claims
import { createRemoteJWKSet, jwtVerify } from "jose";

const [url, token, issuer, audience] = process.argv.slice(2);
const { protectedHeader, payload } = await jwtVerify(token, createRemoteJWKSet(new URL(url)), { issuer, audience });
console.log(JSON.stringify({ header: protectedHeader, claims: payload }));
