/*
 * facts: what the doctor judges, gathered from the daemon's parts. Nothing here waits: what needs
 * the API is the last answer to it, and of files only small ones of /proc/sys and the age of
 * metallb.conf are read.
 */
#ifndef DAEMON_FACTS_H
#define DAEMON_FACTS_H

#include "doctor/doctor.h"
#include "util/mono.h"

struct arena;
struct daemon;

/* A claim that is longer ago is not worth telling. */
#define FACTS_CLAIM_USEC (10 * USEC_PER_MIN)
/* Interfaces whose settings are read from /proc/sys; of more nothing is known. */
#define FACTS_MAX_SYSCTL_INTERFACES 64

/* Texts and lists are in the arena or the daemon's, valid until the end of the turn. */
void facts_gather(const struct daemon *daemon, struct arena *arena, struct doctor_facts *ret_facts);

#endif
