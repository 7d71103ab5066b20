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
	SampleRole         = "0198c1a0-0000-7000-8000-00000000000b"
	SampleInvitation   = "0198c1a0-0000-7000-8000-00000000000c"
	SampleMember       = "0198c1a0-0000-7000-8000-00000000000d"
	SampleMembership   = "0198c1a0-0000-7000-8000-00000000000e"
)

// SampleInvitationToken accepts the sample's invitation. It is good nowhere else.
const SampleInvitationToken = "tci_0198c1a000007000800000000000000c0198c1a00000700080000000000000010000000000000000000000000000000070d37619"
