/*
 * member: what a daemon tells the others about itself, as annotations of its Lease node-NAME.
 * Written for people who read `kubectl describe lease`, read by every daemon.
 *
 *   metallb.io/lan               one line for each interface: name, MAC, addresses with prefix
 *   metallb.io/interfaces        names of the usable ones, separated by spaces
 *   metallb.io/l2-advertisements one line for each that selects the node: weight, name
 *   metallb.io/drained, /excluded  "true", or absent
 *   metallb.io/sessions-down     nodes whose LAN session is not Up, separated by spaces; or absent
 *   metallb.io/settings-hash     16 hexadecimal digits
 *   metallb.io/version, /hostname, /machine-id, /boot-id, /instance-id
 *
 * A value is cut at LEASE_MAX_VALUE, at the end of a line: what does not fit is not told, and a
 * node whose advertisement is not told merely claims without the others waiting for it.
 */
#ifndef LEASE_MEMBER_H
#define LEASE_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/lease.h"
#include "util/addr.h"
#include "util/link.h"

struct arena;

#define MEMBER_MAX_INTERFACES 64       /* read of one member; more are passed over */
#define MEMBER_MAX_ADVERTISEMENTS 1024 /* as SETTINGS_MAX_ADVERTISEMENTS */

#define MEMBER_ANNOTATION_PREFIX "metallb.io/"

struct member_interface {
	const char *name;
	struct mac_addr mac;
	bool usable; /* section 6's choice could announce on it: up, carrier, ARP, not excluded */
	const struct ip_prefix *addresses; /* link-local ones are of no use here: leave them out */
	size_t n_addresses;
};

/* Only those that select the node. */
struct member_advertisement {
	const char *name; /* unnamed ones need a name that is the same on all nodes: "#3" */
	uint8_t weight;   /* of preferred-nodes, 0 without */
};

struct member_info {
	const char *version, *hostname;
	/* machine_id should be derived from machine-id(5), not be it: it is readable in the
	 * cluster. */
	const char *machine_id, *boot_id, *instance_id;
	uint64_t settings_hash;
	bool drained, excluded;
	const struct member_interface *interfaces;
	size_t n_interfaces;
	const struct member_advertisement *advertisements;
	size_t n_advertisements;
	const char *sessions_down; /* empty until there are LAN sessions */
};

/* Sets the annotations of `lease`, which is being made. Others of it stay. */
void member_info_write(const struct member_info *info, struct lease *lease);
/* Into arena. Never fails: what is unreadable is as if absent, every string is at least "". */
struct member_info *member_info_read(struct arena *arena, const struct lease *lease);
/* Whether it has a usable interface with an address in one of the subnets. */
bool member_info_is_on(
    const struct member_info *info, const struct ip_prefix *subnets, size_t n_subnets);

#endif
