/*
 * permissions: which of the rights that the daemon uses its account has (kube/review). They are
 * asked for one after another, once when a server is connected, again after a reload with other
 * credentials, and whenever `metallbctl doctor` wants to know. What is missing is named in one line
 * of the log, and again only when it is something else.
 */
#ifndef DAEMON_PERMISSIONS_H
#define DAEMON_PERMISSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "kube/review.h"
#include "util/mono.h"

struct api;
struct loop;
struct permissions;
struct settings;

#define PERMISSIONS_PAUSE_USEC (5 * USEC_PER_SEC)

struct permissions_view {
	const struct kube_right *right;
	bool needed; /* by the settings; else nothing is asked */
	bool known, allowed;
};

/* Asks nothing yet. `settings` must stay until permissions_set_settings(). */
struct permissions *
permissions_new(struct loop *loop, struct api *api, const struct settings *settings);
/* NULL is allowed. api_stop() comes before. */
void permissions_free(struct permissions *permissions);
void permissions_set_settings(struct permissions *permissions, const struct settings *settings);
/* The API's state changed: asks when it is connected, unless that was done with these credentials.
 */
void permissions_api_changed(struct permissions *permissions);
/* Asks for all of them anew; nothing while that is under way, nor soon after it was done: everybody
 * may ask for it over the control socket. */
void permissions_ask(struct permissions *permissions);
bool permissions_asking(const struct permissions *permissions);
/* The i-th of kube_rights. */
struct permissions_view permissions_view(const struct permissions *permissions, size_t i);
/* Why the last round ended before its end, NULL when it did not or there was none. */
const char *permissions_error(const struct permissions *permissions);

#endif
