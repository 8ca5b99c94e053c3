// Some tests measure what a hostile document costs in memory, which others would disturb.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
