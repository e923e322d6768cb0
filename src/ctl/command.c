#include "ctl/command.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "ctl/render.h"
#include "util/mem.h"
#include "util/str.h"

const struct command commands[] = {
    {"status", NULL, false, false, COMMAND_ANSWERS,
	"the daemon, its API server, interfaces and the other nodes", render_status},
    {"services", "NAMESPACE/NAME", true, false, COMMAND_ANSWERS,
	"Services of type LoadBalancer and their addresses", render_services},
    {"explain", "NAMESPACE/NAME", false, false, COMMAND_ANSWERS,
	"why a Service has its addresses, or has none", render_explain},
    {"pools", "POOL", true, false, COMMAND_ANSWERS, "address pools, what is used and what is free",
	render_pools},
    {"leases", NULL, false, false, COMMAND_ANSWERS, "the Leases that say which node owns what",
	render_leases},
    {"l2", "ADDRESS", true, false, COMMAND_ANSWERS,
	"addresses announced by ARP and NDP, and claims of others", render_l2},
    {"peers", "PEER", true, false, COMMAND_ANSWERS,
	"BGP peers, their sessions, and why one is down", render_peers},
    {"routes", "PEER", true, false, COMMAND_ANSWERS,
	"routes, whom they are announced to, and what is not", render_routes},
    {"doctor", NULL, false, false, COMMAND_JUDGES,
	"what is wrong with this node, and what to do about it", render_doctor},
    {"monitor", NULL, false, false, COMMAND_STREAMS, "changes as they happen, until interrupted",
	render_change},
    {"log", "LEVEL", false, true, COMMAND_ANSWERS,
	"log err, warning, notice, info or debug from now on", render_log},
    {"reload", NULL, false, true, COMMAND_ANSWERS, "read the configuration again", render_reload},
    {"drain", "TIMEOUT", true, true, COMMAND_WAITS,
	"hand every address over to other nodes and claim none, until undrain", render_drain},
    {"undrain", NULL, false, true, COMMAND_ANSWERS, "end drain", render_drain},
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

const struct command *
command_find(const char *word, size_t *ret_candidates)
{
	const struct command *found = NULL;
	size_t i, n = 0;

	for (i = 0; i < n_commands; i++) {
		if (str_eq(commands[i].name, word)) {
			*ret_candidates = 1;
			return &commands[i];
		}
		if (*word && str_has_prefix(commands[i].name, word)) {
			found = &commands[i];
			n++;
		}
	}
	*ret_candidates = n;
	return n == 1 ? found : NULL;
}

bool
command_finds_errors(struct json_object *data)
{
	json_object *errors = NULL;

	return json_object_object_get_ex(data, "errors", &errors) &&
	    json_object_get_int64(errors) > 0;
}

void
command_help(FILE *out)
{
	size_t i;

	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		char *usage = c->argument
		    ? xasprintf(c->argument_optional ? "%s [%s]" : "%s %s", c->name, c->argument)
		    : xasprintf("%s", c->name);

		(void)fprintf(out, "  %-26s %s\n", usage, c->help);
		free(usage);
	}
}
