package api

// The sample organisation is what examples are about: the reference shows it,
// and a test runs every example against it. These are the ids in it.
const (
	SampleOrganisation = "0198c1a0-0000-7000-8000-000000000001"
	SampleProject      = "0198c1a0-0000-7000-8000-000000000002"
	SampleDataset      = "0198c1a0-0000-7000-8000-000000000003"
	SampleCheck        = "0198c1a0-0000-7000-8000-000000000004"
	SampleUser         = "0198c1a0-0000-7000-8000-000000000005"
	SampleGrant        = "0198c1a0-0000-7000-8000-000000000006"
	SampleKey          = "0198c1a0-0000-7000-8000-000000000007"
	SampleIncident     = "0198c1a0-0000-7000-8000-000000000008"
	SampleLink         = "0198c1a0-0000-7000-8000-000000000009"
	SampleComment      = "0198c1a0-0000-7000-8000-00000000000a"
)
