/*
 * namespaces: asks the API for the labels of namespaces, by single GETs, a few at a time. Only when
 * some pool selects by them; nothing is watched. Who asks keeps the answers.
 */
#ifndef DAEMON_NAMESPACES_H
#define DAEMON_NAMESPACES_H

struct api;
struct labels;
struct loop;
struct namespaces;

#define NAMESPACES_MAX_IN_FLIGHT 8 /* GETs */

struct namespaces_ops {
	/* The labels, valid during the call; NULL: they cannot be read (404, 403). An answer that
	 * is no news (unreachable, 5xx) is not told: the next round asks again. */
	void (*labels)(void *arg, const char *name, const struct labels *labels);
	/* Each 60 s, and 5 s after an answer that was none: call namespaces_ask() for each that is
	 * of interest. */
	void (*round)(void *arg);
};

/* Everything is borrowed. */
struct namespaces *
namespaces_new(struct loop *loop, struct api *api, const struct namespaces_ops *ops, void *arg);
/* NULL is allowed. api_stop() comes before. */
void namespaces_free(struct namespaces *namespaces);
void namespaces_ask(struct namespaces *namespaces, const char *name);
/* Questions that were not sent yet are not sent. */
void namespaces_forget(struct namespaces *namespaces);

#endif
