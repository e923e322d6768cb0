/*
 * base64: the URL-safe form without padding, for continue tokens (RFC 4648 5).
 */
#ifndef KUBESIM_BASE64_H
#define KUBESIM_BASE64_H

/* New text. */
char *base64url_encode(const char *s);
/* New text; NULL when s is not of that form, or holds a NUL. */
char *base64url_decode(const char *s);

#endif
