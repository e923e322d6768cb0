/*
 * config: /etc/metallb.conf -> struct settings, and back. This is the whole interface of the room:
 * read (with every check), print (canonical form), diff, and what is left to check later.
 *
 * Errors are all collected, never just the first. Nothing here logs, and nothing but config_load()
 * touches the file system; secrets and certificates are read by their users, at run time.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct config_report;
struct settings;
struct settings_pool;
struct strbuf;

/* Caps of the input; beyond them the file is refused. */
#define CONFIG_MAX_FILE_BYTES (1 << 20)  /* one file */
#define CONFIG_MAX_TOTAL_BYTES (4 << 20) /* with all that it includes */
#define CONFIG_MAX_FILES 64              /* inclusions, counted each time */
#define CONFIG_MAX_INCLUDE_DEPTH 8
#define CONFIG_MAX_DEPTH 16      /* nested groups and lists */
#define CONFIG_MAX_MESSAGES 1000 /* more are counted, not kept */

enum config_severity {
	CONFIG_ERROR,
	CONFIG_WARNING,
	CONFIG_SEVERITY_COUNT
};

/* One thing to say about a file. Strings live as long as the report. */
struct config_message {
	enum config_severity severity;
	const char *file;   /* as opened: the path given, or one made from an @include */
	unsigned file_rank; /* order of first inclusion, for sorting */
	unsigned line;      /* 0: the file as a whole */
	const char *key;    /* "address-pools[0].addresses[1]"; "": none */
	const char *reason; /* one line, foreign bytes escaped, never a secret */
};

/* All zeros is a valid empty report. */
struct config_report {
	struct arena *arena;
	struct config_message *messages; /* sorted by file and line after config_load() */
	size_t n_messages, cap;
	size_t n_errors, n_warnings; /* all, also those over CONFIG_MAX_MESSAGES */
};

void config_report_fini(struct config_report *report);
/* "FILE:LINE: KEY: REASON", with "warning: " before the key of a warning. No newline. */
void config_message_format(const struct config_message *message, struct strbuf *out);
/* Adds a message about the file as a whole. */
void config_report_add(struct config_report *report, enum config_severity severity,
    const char *file, const char *key, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* What the file does not say and the machine knows. */
struct config_environment {
	const char *hostname; /* default of node.name, in any case; NULL or "": none */
};

/*
 * Reads and checks a file and all that it includes. 0 with *ret_settings owned by the caller
 * (settings_free()), report holding at most warnings; -EINVAL when the contents are wrong; or
 * another -errno when a file cannot be read (-EISDIR, -EFBIG, -ENOENT, -EACCES ...). Whenever the
 * result is not 0 the report holds at least one error.
 */
int config_load(const char *path, const struct config_environment *environment,
    struct settings **ret_settings, struct config_report *report);
/* The same for a text in memory (tests, fuzzing); `name` stands for the path. @include is refused.
 */
int config_load_text(const char *name, const char *text, size_t len,
    const struct config_environment *environment, struct settings **ret_settings,
    struct config_report *report);

/* The canonical form with all defaults, secrets as "********". The caller frees. Reading it and
 * printing again gives the same text. */
char *config_print(const struct settings *settings);

/*
 * The pool that could give away `host`, the host part of an API server's URL as written (brackets
 * round IPv6 allowed), or NULL: not a literal address, in no pool, or excluded there. The servers
 * of the file are checked by config_load(); this is for the kubeconfig's.
 */
const struct settings_pool *config_check_server(const struct settings *settings, const char *host);

/* Adds a warning for everything in the file that is checked but does not act in this version. */
void config_not_yet(const struct settings *settings, struct config_report *report);

enum config_change_kind {
	CONFIG_ADDED,
	CONFIG_REMOVED,
	CONFIG_CHANGED,
	CONFIG_CHANGE_KIND_COUNT
};

/* What a changed value does at a reload. Ordered: the larger one hurts more. */
enum config_effect {
	CONFIG_LIVE,    /* acts at once, interrupts nothing */
	CONFIG_RESET,   /* restarts that one object (a BGP session, a BFD session) */
	CONFIG_RESTART, /* acts when the daemon is started again; until then the old value */
	CONFIG_EFFECT_COUNT
};

struct config_change {
	/* A scalar "failover.lease-duration"; an object "address-pools[NAME]", or
	 * "l2-advertisements[#INDEX]" when it has no name; a list "address-pools" when only the
	 * order of its objects changed. */
	const char *key;
	enum config_change_kind kind;
	const char **fields; /* of a changed object; "order" for a list */
	size_t n_fields;
	enum config_effect effect;
};

struct config_diff {
	struct arena *arena;
	struct config_change *changes; /* in the order of metallb.conf(5) */
	size_t n_changes;
};

/* Owned by the caller: config_diff_fini(). No change at all: n_changes is 0. */
void
config_diff(const struct settings *old, const struct settings *new, struct config_diff *ret_diff);
void config_diff_fini(struct config_diff *diff);
/* Whether a change's key begins with `prefix`: "kubernetes.", "address-pools". */
bool config_diff_touches(const struct config_diff *diff, const char *prefix);
/*
 * Puts the running values of all CONFIG_RESTART keys into `new`, which is not published yet, so
 * that the rest of it can act. Call it after config_diff(), which still reports them.
 */
void config_keep_restart_values(const struct settings *running, struct settings *new);

const char *config_severity_str(enum config_severity severity);   /* "error" */
const char *config_change_kind_str(enum config_change_kind kind); /* "added" */
const char *config_effect_str(enum config_effect effect);         /* "live" */

#endif
