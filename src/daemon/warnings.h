/*
 * warnings: what is wrong with the files or with this node and does not go away by itself. Each is
 * said in the log once, when it begins or changes, and listed by metallbctl status while it lasts.
 */
#ifndef DAEMON_WARNINGS_H
#define DAEMON_WARNINGS_H

#include "io/loop.h"

struct daemon;
struct member;

enum warning {
	WARNING_UNEQUAL_FILES, /* other nodes have other settings */
	WARNING_OWN_IN_POOL,   /* this node's own addresses are inside pools */
	/* kube-proxy in IPVS mode without strictARP: the kernel of a node that does not own an
	 * address answers for it. */
	WARNING_STRICT_ARP,
	WARNING_INTERFACES, /* an l2-advertisement finds none of its interfaces here */
	WARNING_COUNT
};

/* No event tells of a changed sysctl. */
#define WARNINGS_SYSCTL_USEC (30 * USEC_PER_SEC)

struct warnings {
	struct daemon *daemon;
	char *said[WARNING_COUNT]; /* NULL or "": none */
	struct loop_timer timer;
};

void warnings_init(struct warnings *w, struct daemon *daemon);
void warnings_fini(struct warnings *w);
/* A live node whose settings differ from ours in what must be the same everywhere. */
bool warnings_settings_differ(const struct daemon *daemon, const struct member *member);
/* Members or our settings changed. */
void warnings_check_files(struct warnings *w);
/* Interfaces or settings changed. */
void warnings_check_links(struct warnings *w);
/* There is a new plan. */
void warnings_check_plan(struct warnings *w);
/* "" when there is nothing to say. Valid until the next check. */
const char *warnings_text(const struct warnings *w, enum warning warning);

#endif
