#include <stdlib.h>

#include "ipam/record.h"
#include "ipam/request.h"
#include "ipam_help.h"
#include "test.h"
#include "util/mem.h"
#include "util/str.h"

static const struct {
	const char *name;
	struct help_service service;
	const char *v4, *v6, *err; /* err: part of the words */
} rows[] = {
    {"nothing", {0}, NULL, NULL, NULL},
    {"empty annotations", {.ips = "", .pool = "", .share = ""}, NULL, NULL, NULL},
    {"field", {.field = "1.2.3.4"}, "1.2.3.4", NULL, NULL},
    {"field v6", {.field = "1000::1"}, NULL, "1000::1", NULL},
    {"annotation", {.ips = "1.2.3.4"}, "1.2.3.4", NULL, NULL},
    {"two", {.ips = " 1000::1 ,\t1.2.3.4 "}, "1.2.3.4", "1000::1", NULL},
    {"both", {.ips = "1.2.3.4", .field = "1.2.3.4"}, NULL, NULL,
	"both metallb.io/loadBalancerIPs and spec.loadBalancerIP"},
    {"text", {.ips = "please"}, NULL, NULL, "\"please\" is not an IP address"},
    {"text in the field", {.field = "please"}, NULL, NULL, "spec.loadBalancerIP: \"please\""},
    {"field takes one", {.field = "1.2.3.4,1000::1"}, NULL, NULL, "is not an IP"},
    {"two of IPv4", {.ips = "1.2.3.4,1.2.3.5"}, NULL, NULL, "more than one IPv4"},
    {"two of IPv6", {.ips = "1000::1,1000::1"}, NULL, NULL, "more than one IPv6"},
    {"trailing comma", {.ips = "1.2.3.4,"}, NULL, NULL, "\"\" is not"},
    {"blank", {.ips = "  "}, NULL, NULL, "\"\" is not"},
    {"prefix", {.ips = "1.2.3.0/24"}, NULL, NULL, "is not an IP"},
    {"range", {.ips = "1.2.3.0-1.2.3.4"}, NULL, NULL, "is not an IP"},
    {"zone", {.ips = "fe80::1%eth0"}, NULL, NULL, "is not an IP"},
    {"mapped", {.ips = "::ffff:1.2.3.4"}, NULL, NULL, "is not an IP"},
    {"control characters", {.ips = "1.2.3.4\n<script>\x1b[2J"}, NULL, NULL,
	"\\x0a<script>\\x1b[2J"},
    {"quotes", {.ips = "\"; drop"}, NULL, NULL, "\\x22; drop"},
};

static void
test_parse(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service *service = help_service(&rows[i].service);
		struct strbuf err = {0};
		struct request request;
		int r = request_parse(service, &request, &err);

		assert_row(i, rows[i].name, (r != 0) == (rows[i].err != NULL));
		if (r) {
			assert_row(i, rows[i].name, strstr(strbuf_text(&err), rows[i].err));
		} else {
			struct ip_addr none = {0};
			struct ip_addr v4 = rows[i].v4 ? help_addr(rows[i].v4) : none;
			struct ip_addr v6 = rows[i].v6 ? help_addr(rows[i].v6) : none;

			assert_row(i, rows[i].name, ip_addr_eq(&request.ips[0], &v4));
			assert_row(i, rows[i].name, ip_addr_eq(&request.ips[1], &v6));
			assert_row(i, rows[i].name, request.has_ips == (rows[i].v4 || rows[i].v6));
			assert_row(i, rows[i].name, !request.pool && !err.len);
		}
		strbuf_free(&err);
		service_free(service);
	}
}

/* Long and repeated foreign text: refused, and the words stay short. */
static void
test_hostile(void **state)
{
	static const char *const pieces[] = {
	    "10.0.0.1,", "x", "\x01", "1000::1,", ",", "1.2.3.4, 1::1,"};
	static const size_t counts[] = {1000, 4096, 4097, 10000};
	size_t i, j, k, which;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (j = 0; j < ARRAY_SIZE(counts); j++) {
			struct strbuf value = {0};

			for (k = 0; k < counts[j]; k++)
				strbuf_add(&value, pieces[i]);
			for (which = 0; which < 4; which++) {
				struct help_service spec = {0};
				struct strbuf err = {0};
				struct service *service;
				struct request request;

				*(which == 0         ? &spec.ips
					: which == 1 ? &spec.pool
					: which == 2 ? &spec.share
						     : &spec.field) = strbuf_text(&value);
				service = help_service(&spec);
				if (request_parse(service, &request, &err)) {
					assert_true(err.len > 0 && err.len < 400);
					assert_null(strpbrk(strbuf_text(&err), "\n\x01"));
				} else {
					/* Only as a name, and only a short one. */
					assert_true(which == 1 || which == 2);
					assert_true(value.len <= SERVICE_MAX_ANNOTATION);
				}
				strbuf_free(&err);
				service_free(service);
			}
			strbuf_free(&value);
		}
	}
}

static void
test_families(void **state)
{
	static const struct {
		struct help_service service;
		int n;
		bool v4, v6;
	} cases[] = {
	    {{0}, 1, true, false},
	    {{.cluster_ips = "fd00::1"}, 1, false, true},
	    {{.cluster_ips = "10.0.0.1 fd00::1"}, 2, true, true},
	    {{.cluster_ips = "fd00::1 10.0.0.1"}, 2, true, true},
	    {{.no_cluster_ip = true}, 0, false, false},
	    {{.clusters_invalid = true}, -1, false, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct service *service = help_service(&cases[i].service);
		bool wanted[REQUEST_FAMILIES] = {false};
		int n = request_families(service, wanted);

		assert_row(i, "families", cases[i].n < 0 ? n < 0 : n == cases[i].n);
		assert_row(i, "families", wanted[0] == cases[i].v4 && wanted[1] == cases[i].v6);
		service_free(service);
	}
}

static void
test_record(void **state)
{
	static const struct {
		const char *message, *v4, *v6;
	} cases[] = {
	    {"assigned 1.2.3.4 from pool \"a\"", "1.2.3.4", NULL},
	    {"assigned 1.2.3.4, 1000::1 from pool \"a\"", "1.2.3.4", "1000::1"},
	    {"assigned 1000::1 from pool \"a\"; more: 5.6.7.8 from pool \"b\"", NULL, "1000::1"},
	    {"assigned  from pool \"1.2.3.4\"", NULL, NULL},
	    {"no available IPs: 1.2.3.4 from pool \"a\"", NULL, NULL},
	    {"assigned 1.2.3.4", NULL, NULL},
	    {"assigned 1.2.3.4, from pool \"a\"", "1.2.3.4", NULL},
	    {"assigned x from pool \"a\"", NULL, NULL},
	    {"assigned ,,,, from pool ", NULL, NULL},
	    {"", NULL, NULL},
	};
	struct ip_addr addrs[2] = {help_addr("1.2.3.4"), help_addr("1000::1")}, got[2];
	const char *names[] = {"a", "b from pool c"};
	struct strbuf sb = {0};
	struct service *service;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr none = {0}, v4, v6;

		service = help_service(&(struct help_service){.condition = cases[i].message});
		v4 = cases[i].v4 ? help_addr(cases[i].v4) : none;
		v6 = cases[i].v6 ? help_addr(cases[i].v6) : none;
		record_read(service, got);
		assert_row(i, cases[i].message, ip_addr_eq(&got[0], &v4));
		assert_row(i, cases[i].message, ip_addr_eq(&got[1], &v6));
		service_free(service);
	}
	record_write(&sb, addrs, names, 2);
	service = help_service(
	    &(struct help_service){.condition = strbuf_text(&sb), .from = "a,b from pool c"});
	record_read(service, got);
	assert_true(ip_addr_eq(&got[0], &addrs[0]) && ip_addr_eq(&got[1], &addrs[1]));
	for (i = 0; i < 2; i++) {
		char *pool = record_pool(service, i);

		assert_string_equal(pool, names[i]);
		free(pool);
	}
	service_free(service);
	strbuf_free(&sb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
