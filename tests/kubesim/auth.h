/*
 * auth: who a request comes from: a bearer token of the token file, or the CN of a client
 * certificate.
 */
#ifndef KUBESIM_AUTH_H
#define KUBESIM_AUTH_H

#include <stdbool.h>
#include <stddef.h>

struct auth {
	struct token {
		char *token, *user;
	} * tokens;
	size_t count;
	bool required; /* a token file was given: without credentials nobody gets in */
};

/*
 * Reads lines TOKEN,USER,UID[,GROUPS]; the rest after UID is ignored. 0 or -errno; -EINVAL with the
 * number of the bad line.
 */
int auth_read(struct auth *auth, const char *file, int *ret_line);
void auth_fini(struct auth *auth);

/*
 * authorization: value of the header, "" for none. certificate: CN of a verified client
 * certificate, NULL for none. Returns the user (borrowed); "" for an anonymous client where
 * credentials are required; NULL for a bad token.
 */
const char *auth_user(const struct auth *auth, const char *authorization, const char *certificate);

#endif
