/*
 * fault: the faults that tests have asked for, and which of them a request meets.
 */
#ifndef KUBESIM_FAULT_H
#define KUBESIM_FAULT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_DELAY,
	FAULT_DROP,
	FAULT_HALF_OPEN,
	FAULT_GONE,
	FAULT_THROTTLE,
	FAULT_ERROR,
	FAULT_UNAVAILABLE,
	FAULT_FORBIDDEN,
	FAULT_TRUNCATE,
	FAULT_GARBAGE,
	FAULT_FREEZE_WATCH,
	FAULT_LOST_ANSWER,
	FAULT_SLOW_BODY,
	FAULT_HUGE_LINE,
	FAULT_KIND_COUNT,
};

const char *fault_kind_str(enum fault_kind kind);

enum {
	FAULT_MAX = 1000,
	FAULT_HUGE_LINE_BYTES = 64 * 1024 * 1024,
};

struct fault {
	int id;
	enum fault_kind kind;
	char *method, *path, *user; /* "" matches all */
	int64_t count;              /* 0: until removed */
	int64_t hits;
	int ms, retry_after;
	int64_t bytes; /* huge-line */
	struct fault *next;
};

struct faults {
	struct fault *first;
	int count, last_id;
};

void faults_fini(struct faults *faults);

/* From the body of POST /sim/faults. NULL, and *ret_error (to free) says why, when it is none. */
struct fault *faults_add(struct faults *faults, struct json_object *body, char **ret_error);
/* id 0: all. false when there is no such fault. */
bool faults_remove(struct faults *faults, int id);
/* New array. */
struct json_object *faults_list(const struct faults *faults);

/* What a request is, as far as faults can tell. */
struct fault_subject {
	const char *method, *verb, *path, *user;
	bool watch;
};

/* Does the fault (still) apply? */
bool fault_matches(const struct fault *fault, const struct fault_subject *subject);

/* What a request meets: all its delays together, and one fault of another kind; hits are counted.
 */
struct fault_effect {
	int delay_ms;
	bool faulty; /* the rest says which other fault */
	enum fault_kind kind;
	int id, retry_after;
	int64_t bytes;
};

struct fault_effect faults_apply(struct faults *faults, const struct fault_subject *subject);

#endif
