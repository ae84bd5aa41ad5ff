/** What a new tab shows: how to get in, and a question that works without it. */
export const firstQuery = `# Souk's GraphQL API. Ctrl-Space completes, Ctrl-Enter runs, the book on the left is the manual.
#
# This question works without a sign-in:

query Hello {
  serverInfo {
    version
    runtimes { runtime available detail }
  }
  viewer { user { email } tenant { slug } role permissions }
}

# To sign in: run SignIn (choose it beside the play button), and put the access token, or an API key,
# in the Headers tab below:
#
#   { "Authorization": "Bearer <access token or souk_... key>" }
#
# A user of several tenants chooses one with a second header: { "Souk-Tenant": "<slug>" }.

mutation SignIn {
  signIn(input: { email: "you@example.com", password: "..." }) {
    session { accessToken accessTokenExpiresAt refreshToken }
    errors { code message }
  }
}
`;
