/*
 * doctor: what is wrong with this node, judged from plain facts. The glue (daemon/facts) gathers
 * them; here they are compared with what should be, and each finding comes with what to do.
 *
 * What is not known is not judged, with one exception: when the permissions could not be asked for,
 * that is said, since nothing else would show it.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* A claim of an address by others that is longer ago may be over: a notice. One who claims for good
 * is heard again whenever the address is announced or asked for. */
#define DOCTOR_CLAIM_RECENT_USEC (60 * INT64_C(1000000))
/* What is named one by one in a finding; more are counted. */
#define DOCTOR_MAX_NAMED 5
/* The API server's clock is read in whole seconds, after the time of a request. */
#define DOCTOR_CLOCK_WARNING_USEC (30 * INT64_C(1000000))
/* Tokens and certificates are judged by the clock, and some of them are very young. */
#define DOCTOR_CLOCK_ERROR_USEC (5 * 60 * INT64_C(1000000))
/* Before a token or a client certificate ends. */
#define DOCTOR_EXPIRY_WARNING_USEC (7 * 86400 * INT64_C(1000000))
#define DOCTOR_EXPIRY_ERROR_USEC (86400 * INT64_C(1000000))
/* Of a pool's addresses in use, as MetalLB's alert rules have it. */
#define DOCTOR_POOL_NOTICE_PERCENT 75
#define DOCTOR_POOL_WARNING_PERCENT 85
#define DOCTOR_POOL_ERROR_PERCENT 95
/* In a smaller pool one address is too many percent for these to mean anything: only a full one is
 * worth a notice. */
#define DOCTOR_POOL_SMALL 20

enum doctor_severity {
	DOCTOR_ERROR,   /* addresses are not announced, not allocated, or soon will not be */
	DOCTOR_WARNING, /* something will not work as it is meant to */
	DOCTOR_NOTICE,  /* worth knowing */
	DOCTOR_SEVERITY_COUNT
};

enum doctor_api {
	DOCTOR_API_CONNECTING,
	DOCTOR_API_CONNECTED,
	DOCTOR_API_FAILED
};

struct doctor_right {
	const char *what; /* "patch services/status" */
	const char *for_what;
	bool known, allowed;
};

struct doctor_interface {
	const char *name;
	const char *unusable; /* "is down"; NULL: addresses can be announced on it */
	int arp_ignore;       /* in force; -1: not known, as all of these */
	int rp_filter;
};

/* An address of this node inside a pool that could give it away. */
struct doctor_own_address {
	const char *address, *interface, *pool;
};

/* A BGP router that this node is to talk to. */
struct doctor_peer {
	const char *name, *state, *reason;
	bool established;
};

struct doctor_pool {
	const char *name;
	struct {
		uint64_t total, used;
	} families[2];     /* IPv4, IPv6; total 0: none */
	bool advertised;   /* by any advertisement */
	bool l2;           /* by one for layer 2, and some advertisement of them selects this node
			    */
	const char *range; /* of `l2`: the first one that is on no interface's prefix; NULL: none */
};

enum doctor_claimant {
	DOCTOR_STRANGER, /* no node of ours: it was there first, so we are silent */
	DOCTOR_INTRUDER, /* no node of ours: it came when we announced already */
	DOCTOR_MEMBER,   /* another node, which does not hold the address's Lease */
	DOCTOR_GATEWAY
};

struct doctor_claim {
	enum doctor_claimant who;
	const char *address, *interface, *mac;
	const char *node; /* of a member */
	int64_t age_usec;
};

/* All strings and lists are the caller's; a string is never NULL unless that is said, a list is
 * NULL when empty. */
struct doctor_facts {
	struct {
		const char *path;
		bool stale; /* the last reload was refused */
		size_t n_errors;
		const char *error; /* the first of them */
		const char *const *warnings;
		size_t n_warnings;
		bool changed_on_disk; /* since it was loaded */
	} config;
	struct {
		enum doctor_api state;
		const char *server, *error;
		bool services_listed, leases_listed;
		int64_t now_usec; /* on the wall clock, as the next two; of which 0 is not known */
		int64_t token_expires_usec, certificate_expires_usec;
		bool clock_known;
		int64_t clock_ahead_usec; /* of this machine's clock; negative: it is behind */
	} api;
	struct {
		const struct doctor_right *rights;
		size_t n_rights;
		const char *unknown; /* why some are not known; NULL: all are */
	} permissions;
	struct {
		const char *name;
		bool missing, excluded, exclude_ignored, network_unavailable, duplicate, drained;
	} node;
	struct {
		const char *const *unequal; /* live nodes with other settings */
		size_t n_unequal;
		const char *allocator; /* its holder, "" without */
	} cluster;
	struct {
		bool l2; /* there is an L2 advertisement */
		const struct doctor_interface *items;
		size_t count;
		bool kube_ipvs; /* kube-proxy's interface of IPVS mode is there */
		const struct doctor_own_address *own;
		size_t n_own;
	} interfaces;
	struct {
		const struct doctor_peer *peers;
		size_t n_peers;
		bool cannot_listen; /* port 179 is taken */
	} bgp;
	/* Of kube-proxy, as far as it is obeyed. */
	struct {
		bool unhealthy, silent;
	} kube_proxy;
	struct {
		const struct doctor_pool *items;
		size_t count;
	} pools;
	struct {
		size_t waiting; /* ours, without an address, and with a refusal */
		const char *example, *reason;
		size_t skipped; /* objects that cannot be read */
	} services;
	struct {
		const struct doctor_claim *items;
		size_t count;
	} claims;
};

struct doctor_finding {
	enum doctor_severity severity;
	const char *check;  /* "config", "api", ...: what was looked at */
	const char *what;   /* a sentence without a full stop */
	const char *remedy; /* what to do */
};

struct doctor_report {
	struct arena *arena;             /* owns the findings and their texts */
	struct doctor_finding *findings; /* errors first */
	size_t n_findings, cap;
	size_t counts[DOCTOR_SEVERITY_COUNT];
	size_t n_checks;
};

/* "error", "warning", "notice" */
const char *doctor_severity_str(enum doctor_severity severity);
/* The caller frees the report. */
struct doctor_report *doctor_judge(const struct doctor_facts *facts);
/* NULL is allowed. */
void doctor_report_free(struct doctor_report *report);

#endif
