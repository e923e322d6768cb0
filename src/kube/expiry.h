/*
 * expiry: until when credentials are good, by what they say themselves. Nothing is verified: that
 * is the API server's matter.
 */
#ifndef KUBE_EXPIRY_H
#define KUBE_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

/* Of a token or a certificate; larger ones are not read. */
#define KUBE_EXPIRY_MAX_BYTES (64 * 1024)

/*
 * The claim exp of a JSON Web Token (RFC 7519 4.1.4), as the tokens of ServiceAccounts are. 0, or
 * -EINVAL: it is no such token, or -ENOENT: it has no end.
 */
int kube_token_expires(const char *token, int64_t *ret_unix_usec);
/*
 * notAfter of the first certificate of a PEM text (RFC 5280 4.1.2.5), which is the client's own. 0,
 * or -EINVAL.
 */
int kube_certificate_expires(const char *pem, int64_t *ret_unix_usec);

#endif
