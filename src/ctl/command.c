#include "ctl/command.h"

#include <stdlib.h>

#include "ctl/render.h"
#include "util/mem.h"
#include "util/str.h"

const struct command commands[] = {
    {"status", NULL, false, false, false,
	"the daemon, its API server, interfaces and the other nodes", render_status},
    {"services", "NAMESPACE/NAME", true, false, false,
	"Services of type LoadBalancer and their addresses", render_services},
    {"explain", "NAMESPACE/NAME", false, false, false,
	"why a Service has its addresses, or has none", render_explain},
    {"pools", "POOL", true, false, false, "address pools, what is used and what is free",
	render_pools},
    {"leases", NULL, false, false, false, "the Leases that say which node owns what",
	render_leases},
    {"l2", "ADDRESS", true, false, false,
	"addresses announced by ARP and NDP, and claims of others", render_l2},
    {"peers", "PEER", true, false, false, "BGP peers, their sessions, and why one is down",
	render_peers},
    {"routes", "PEER", true, false, false, "routes, whom they are announced to, and what is not",
	render_routes},
    {"log", "LEVEL", false, true, false, "log err, warning, notice, info or debug from now on",
	render_log},
    {"reload", NULL, false, true, false, "read the configuration again", render_reload},
    {"drain", "TIMEOUT", true, true, true,
	"hand every address over to other nodes and claim none, until undrain", render_drain},
    {"undrain", NULL, false, true, false, "end drain", render_drain},
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
