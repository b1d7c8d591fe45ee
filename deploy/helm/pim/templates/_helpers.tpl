{{/* The name of everything that belongs to the release. At most 40 characters: "-assignment" and a
     pod's suffix come after it. */}}
{{- define "pim.name" -}}
{{- $own := ternary .Release.Name (printf "%s-pim" .Release.Name) (contains "pim" .Release.Name) -}}
{{- $own | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Labels of everything. */}}
{{- define "pim.labels" -}}
app.kubernetes.io/name: pim
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The tag of all images. */}}
{{- define "pim.tag" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What the "restricted" pod security standard asks of a pod. */}}
{{- define "pim.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What it asks of a container, and that nothing is written to its file system. */}}
{{- define "pim.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The issuers file: the identity providers, and the cluster for the services themselves. Key sets
     are texts in the values, because YAML reads their members y and n as true and false. */}}
{{- define "pim.issuers" -}}
{{- $subjects := dict -}}
{{- range $service, $_ := .Values.services -}}
{{- $account := printf "system:serviceaccount:%s:%s-%s" $.Release.Namespace (include "pim.name" $) $service -}}
{{- $_ := set $subjects $account $service -}}
{{- end -}}
{{- $cluster := merge (dict "kind" "SERVICES" "audience" "pim" "services" $subjects) .Values.serviceIssuer -}}
{{- $entries := list -}}
{{- range append .Values.issuers $cluster -}}
{{- $entry := omit . "jwks" -}}
{{- if .jwks -}}
{{- $_ := set $entry "jwks" (mustFromJson .jwks) -}}
{{- end -}}
{{- $entries = append $entries $entry -}}
{{- end -}}
{{- $entries | toPrettyJson -}}
{{- end }}
