/*
 * saved: what this daemon needs to go on after a restart while no API server answers: the addresses
 * that it holds, their Services, the labels of its Node. Joins kube/saved with a file in the state
 * directory, with the rooms that know and need these, and with l2, by which the LAN is asked
 * before.
 *
 * Written when what is in it changed, at most each SAVED_INTERVAL_USEC, and at the end; when the
 * API last confirmed our heartbeat stands in a small file of its own, written each
 * SAVED_REFRESH_USEC, since the age counts and making the large one takes 22 ms for 1,000
 * addresses. Never synced: they are used within the same boot only. One text of at most
 * KUBE_SAVED_MAX_BYTES, with the own addresses and no others.
 *
 * Used at a start if it is of this boot and node, and the API confirmed our heartbeat not longer
 * than failover.hold-over ago. When is up to ownership_restore(): not before the API had its
 * chance, and not if anybody answers SAVED_PROBES probes for the address.
 */
#ifndef DAEMON_SAVED_H
#define DAEMON_SAVED_H

#include <stdbool.h>

#include "util/addr.h"
#include "util/mono.h"

struct daemon;
struct saved;

#define SAVED_INTERVAL_USEC (5 * USEC_PER_SEC)
#define SAVED_REFRESH_USEC (60 * USEC_PER_SEC)
#define SAVED_PROBES 3
#define SAVED_PROBE_USEC (60 * USEC_PER_MSEC)
#define SAVED_PROBE_WAIT_USEC (200 * USEC_PER_MSEC) /* for an answer to the last one */
/* In one turn of the loop, and until the next: 6,400 in a second. */
#define SAVED_PROBES_PER_TURN 64
#define SAVED_TURN_USEC (10 * USEC_PER_MSEC)

/* Reads the file and hands out what can be used: after services, node and leases were made. */
struct saved *saved_new(struct daemon *daemon);
/* NULL is allowed. Writes nothing. */
void saved_free(struct saved *saved);
/* Addresses, Services or labels changed, or may have: to be written in a while. */
void saved_touch(struct saved *saved);
/* Now: the process ends. */
void saved_write(struct saved *saved);
/* VOICE_PROBE: asks the LAN who has the address, answers nothing, then leases_probed(). Again:
 * starts anew. Any other voice ends it: saved_probe_end(). */
void saved_probe(struct saved *saved, const struct ip_addr *ip);
void saved_probe_end(struct saved *saved, const struct ip_addr *ip);
/* Somebody claims the address. True when it is being probed: then nothing else is to follow. */
bool saved_claimed(struct saved *saved, const struct ip_addr *ip);

#endif
