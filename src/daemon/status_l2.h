/*
 * status_l2: what metallbctl l2 shows, and what explain says of an address that somebody else has.
 */
#ifndef DAEMON_STATUS_L2_H
#define DAEMON_STATUS_L2_H

#include <stdbool.h>

#include "util/addr.h"
#include "util/str.h"

struct daemon;
struct json_object;

/* All addresses that are announced here, or the one given as text; NULL when that is not among
 * them. `text` may be NULL. */
struct json_object *status_l2(const struct daemon *daemon, const char *text);
/* The address is ours and a stranger has it on each of its interfaces; says who, in words. */
bool status_l2_conflict(const struct daemon *daemon, const struct ip_addr *ip, struct strbuf *out);

#endif
