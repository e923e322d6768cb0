#!/bin/bash
# kubectl against kubesim, plainly and with TLS, tokens and a client certificate. TAP. KUBECTL names another kubectl to try.
# shellcheck disable=SC2317 # the helpers are called through ok()
kubesim=${KUBESIM:-${top_builddir:-.}/tests/kubesim/kubesim}
KUBECTL=${KUBECTL:-kubectl}
command -v "$KUBECTL" >/dev/null 2>&1 || { echo '1..0 # SKIP no kubectl (Debian: kubernetes-client)'; exit 0; }
command -v openssl >/dev/null 2>&1 || { echo '1..0 # SKIP no openssl'; exit 0; }
command -v curl >/dev/null 2>&1 || { echo '1..0 # SKIP no curl'; exit 0; }

dir=$(mktemp -d) || exit 1
export HOME=$dir # kubectl keeps what it discovers below HOME
unset KUBECONFIG
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
n=0 failed=0

# ok NAME COMMAND...: the command succeeds.
ok() {
	local name=$1 out
	shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name"
		printf '%s\n' "$*" "$out" | sed 's/^/# /'
	fi
}

# Text in which an extended regular expression is found.
has() {
	grep -Eq -- "$1" <<<"$2" && return
	printf 'no %s in:\n%s\n' "$1" "$2"
	return 1
}

prints() { # PATTERN COMMAND...: succeeds, printing it
	local pattern=$1 text
	shift
	if ! text=$("$@" 2>&1); then
		printf '%s\n' "$text"
		return 1
	fi
	has "$pattern" "$text"
}

refused() { # PATTERN COMMAND...: fails, saying it
	local pattern=$1 text
	shift
	if text=$("$@" 2>&1); then
		printf 'succeeded: %s\n' "$text"
		return 1
	fi
	has "$pattern" "$text"
}

start() { # NAME ARGS...: starts kubesim, sets $port
	local file=$dir/$1.port
	shift
	"$kubesim" --listen 127.0.0.1:0 --port-file "$file" "$@" &
	pids+=($!)
	for _ in $(seq 200); do
		[ -s "$file" ] && break
		kill -0 "${pids[-1]}" 2>/dev/null || break
		sleep 0.05
	done
	port=$(cat "$file") || { echo 'Bail out! kubesim did not start'; exit 1; }
}

cert() { # NAME SUBJECT EXTENSION
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout "$dir/$1.key" -out "$dir/$1.csr" &&
	openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/$1.crt" \
		-extfile <(echo "$3")
}

certs() {
	local new=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)

	"${new[@]}" -subj /CN=kubesim-ca -keyout "$dir/ca.key" -out "$dir/ca.crt" &&
	"${new[@]}" -subj /CN=alice -keyout "$dir/other.key" -out "$dir/other.crt" &&
	cert server /CN=kubesim subjectAltName=IP:127.0.0.1 &&
	cert alice /CN=alice keyUsage=digitalSignature
}

manifests() {
	cat >"$dir/web.yaml" <<'E'
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {app: web}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443}
E
	sed 's/type:/typo:/; s/name: web/name: typo/' "$dir/web.yaml" >"$dir/typo.yaml"
	cat >"$dir/event.yaml" <<'E'
apiVersion: v1
kind: Event
metadata: {name: web.1, namespace: default}
involvedObject: {apiVersion: v1, kind: Service, namespace: default, name: web, uid: UID}
reason: IPAllocated
message: "Assigned IP 192.0.2.1"
type: Normal
count: 1
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
source: {component: metallbd}
E
	cat >"$dir/lease.yaml" <<'E'
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: ip-192.0.2.1, namespace: metallbd-system}
spec: {holderIdentity: node1, leaseTransitions: 1}
E
	cat >"$dir/node.yaml" <<'E'
apiVersion: v1
kind: Node
metadata: {name: node1, labels: {rack: r1}}
E
}

# kubectl before 1.24 has no --subresource.
write_status() {
	curl -fsS -X PATCH "${curl_args[@]}" -H 'Content-Type: application/merge-patch+json' \
		-d '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}' "$url/api/v1/namespaces/default/services/web/status"
}

joined() { # COMMAND...: its output on one line
	"$@" | tr '\n' ' '
}

# get -w shows a change that comes while it runs. It must run: kubectl throws the first event of a single object away.
watches() {
	local w

	"${k[@]}" get svc web -w >"$dir/watch" 2>&1 &
	w=$!
	for _ in $(seq 200); do
		curl -fsS "${curl_args[@]}" "$url/sim/stats" | grep -q '"watches":1' && grep -q '^web' "$dir/watch" && break
		sleep 0.05
	done
	"${k[@]}" annotate svc web seen=1
	for _ in $(seq 200); do
		[ "$(grep -c '^web' "$dir/watch")" -ge 2 ] && break
		sleep 0.05
	done
	kill "$w"
	wait "$w"
	cat "$dir/watch"
	[ "$(grep -c '^web' "$dir/watch")" -eq 2 ]
}

# The whole life of a Service. Arguments: how kubectl reaches the server.
life() {
	k=("$KUBECTL" "$@")

	ok 'version' prints 'v1\.32\.0' "${k[@]}" version
	ok 'create -f' prints 'service/web created' "${k[@]}" create -f "$dir/web.yaml"
	ok 'create it twice' refused 'AlreadyExists' "${k[@]}" create -f "$dir/web.yaml"
	ok 'get' prints '^web +LoadBalancer +10\.96\.[0-9.]+ +<pending> +80:3[0-9]{4}/TCP,443:3[0-9]{4}/TCP +[0-9]+s' "${k[@]}" get svc
	ok 'get -o wide' prints 'SELECTOR .*app=web' joined "${k[@]}" get svc web -o wide
	ok 'get -o yaml' prints 'healthCheckNodePort: 3[0-9]{4}' "${k[@]}" get svc web -o yaml
	ok 'get -o json' prints '"kind": "Service"' "${k[@]}" get svc web -o json
	ok 'get -A' prints '^default +web' "${k[@]}" get svc -A
	ok 'get -l' prints '^web' "${k[@]}" get svc -l app=web
	ok 'get of nothing' refused 'services "nope" not found' "${k[@]}" get svc nope
	ok 'the status is written' write_status
	ok 'the address is shown' prints '^web .* 192\.0\.2\.1 ' "${k[@]}" get svc web
	sed -i "s/uid: .*}/uid: $("${k[@]}" get svc web -o 'jsonpath={.metadata.uid}')}/" "$dir/event.yaml"
	ok 'an event' prints created "${k[@]}" create -f "$dir/event.yaml"
	ok 'describe' prints 'LoadBalancer Ingress: +192\.0\.2\.1.*IPAllocated.*metallbd.*Assigned IP' joined "${k[@]}" describe svc web
	ok 'get events' prints 'Normal +IPAllocated +service/web +Assigned' "${k[@]}" get events
	ok 'get -w' watches
	ok 'annotate' prints annotated "${k[@]}" annotate svc web metallb.io/address-pool=first
	ok 'label' prints labeled "${k[@]}" label svc web tier=front
	ok 'the annotation is there' prints '^first$' "${k[@]}" get svc web -o 'jsonpath={.metadata.annotations.metallb\.io/address-pool}{"\n"}'
	ok 'patch, strategic' prints patched "${k[@]}" patch svc web -p '{"spec":{"ports":[{"port":443,"name":"tls"}]}}'
	ok 'it merged the ports' prints '^(tls http|http tls)$' "${k[@]}" get svc web -o 'jsonpath={.spec.ports[*].name}{"\n"}'
	ok 'patch, merge' prints patched "${k[@]}" patch svc web --type merge -p '{"spec":{"ports":[{"port":80,"name":"only"}]}}'
	ok 'it replaced the ports' prints '^only$' "${k[@]}" get svc web -o 'jsonpath={.spec.ports[*].name}{"\n"}'
	ok 'patch, json' prints patched "${k[@]}" patch svc web --type json -p '[{"op":"remove","path":"/metadata/labels/tier"}]'
	ok 'apply' prints 'service/web configured' "${k[@]}" apply -f "$dir/web.yaml"
	ok 'apply again' prints 'service/web unchanged' "${k[@]}" apply -f "$dir/web.yaml"
	ok 'edit' prints 'service/web edited' env EDITOR='sed -i s/8080/8081/' "${k[@]}" edit svc web
	ok 'it is edited' prints '8081' "${k[@]}" get svc web -o 'jsonpath={.spec.ports[*].targetPort}{"\n"}'
	ok 'an invalid patch' refused 'Invalid value: 0' "${k[@]}" patch svc web --type merge -p '{"spec":{"ports":[{"port":0}]}}'
	ok 'create service' prints created "${k[@]}" create service loadbalancer two --tcp=80:8080
	ok 'create namespace' prints created "${k[@]}" create namespace shop
	ok 'get namespaces' prints '^shop +Active' "${k[@]}" get ns
	ok 'a Lease' prints created "${k[@]}" create -f "$dir/lease.yaml"
	ok 'get leases' prints '^ip-192\.0\.2\.1 +node1 ' "${k[@]}" get leases -n metallbd-system
	ok 'a Node' prints created "${k[@]}" create -f "$dir/node.yaml"
	ok 'get nodes' prints '^node1 +Unknown +<none>' "${k[@]}" get nodes
	ok 'describe node' prints 'rack=r1' "${k[@]}" describe node node1
	ok 'auth can-i' prints '^yes' "${k[@]}" auth can-i create services
	ok 'api-resources' prints 'leases .*coordination\.k8s\.io/v1' "${k[@]}" api-resources
	ok 'delete' prints 'service "web" deleted' "${k[@]}" delete svc web --timeout=10s
	ok 'delete --all' prints 'service "two" deleted' "${k[@]}" delete svc --all --timeout=10s
	ok 'nothing is left' prints 'No resources found' "${k[@]}" get svc
}

manifests
certs >"$dir/openssl.log" 2>&1 || { sed 's/^/# /' "$dir/openssl.log"; echo 'Bail out! openssl'; exit 1; }
printf 'tok-1,alice,1\ntok-2,bob,2,"a,b"\n' >"$dir/tokens.csv"

start plain
url=http://127.0.0.1:$port curl_args=()
echo "# $KUBECTL over plain HTTP"
life --server "$url"

start tls --tls-cert "$dir/server.crt" --tls-key "$dir/server.key" --client-ca "$dir/ca.crt" --token-file "$dir/tokens.csv"
url=https://127.0.0.1:$port curl_args=(--cacert "$dir/ca.crt" -H 'Authorization: Bearer tok-1')
echo "# $KUBECTL over TLS with a token"
life --server "$url" --certificate-authority "$dir/ca.crt" --token tok-1
tls=("$KUBECTL" --server "$url" --certificate-authority "$dir/ca.crt")
login='Unauthorized|[Ll]ogged in|Username'
ok 'a client certificate' prints 'default' "${tls[@]}" --client-certificate "$dir/alice.crt" --client-key "$dir/alice.key" get ns
ok 'a strange client certificate' refused "$login" "${tls[@]}" --client-certificate "$dir/other.crt" --client-key "$dir/other.key" get ns
ok 'an unknown token' refused "$login" "${tls[@]}" --token nope get ns
ok 'users are told apart' prints '"alice":[0-9]+' curl -fsS --cacert "$dir/ca.crt" "$url/sim/stats"
ok 'no credentials: 403' prints '^403$' curl -sS --cacert "$dir/ca.crt" -o /dev/null -w '%{http_code}\n' "$url/api/v1/services"
ok 'health needs none' prints '^ok$' curl -sS --cacert "$dir/ca.crt" "$url/readyz"

for pid in "${pids[@]}"; do
	kill -TERM "$pid"
	wait "$pid"
	ok 'kubesim ends cleanly' test $? -eq 0
done
pids=()
echo "1..$n"
exit $failed
