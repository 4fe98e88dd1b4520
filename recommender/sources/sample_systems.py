"""Nothing in, six invented topics out: shared machines, shared data and the graphs behind them."""

from __future__ import annotations

from recommender.sources.sample_words import Pair, Topic, words

__all__ = ["PAIRS"]

FEDERATED = Topic(
    name="federated learning",
    categories=("cs.LG", "cs.DC"),
    field="federated optimisation",
    problems=words(
        """training under heterogeneous client data; communication-efficient aggregation; participation of slow devices;
        personalisation of shared models; continual training on edge devices; fair allocation of accuracy across
        clients; decentralised training without a server"""
    ),
    methods=words(
        """local momentum correction; sketched gradients; clustered aggregation; asynchronous rounds; layer-wise
        personalisation; quantised updates; control variates; adaptive server optimisers; peer-to-peer gossip"""
    ),
    objects=words(
        """edge devices; client updates; local epochs; stragglers; non-identical label distributions; communication rounds;
        battery budgets; aggregation weights"""
    ),
    data=words("the Thousand Phones traces; FedOrchard; ClinicSplit; the Meter-Reading clients; KeyboardCommons"),
    metrics=words("-communication volume; worst-client accuracy; -rounds to target; -energy per round; test accuracy"),
    applications=words(
        """next-word prediction; smart-meter forecasting; multi-hospital studies; wearable monitoring; vehicle fleets"""
    ),
    gaps=words(
        """clients are sampled as if they were always awake; averaging punishes those whose data differ most; energy is
        missing from nearly every comparison; servers are assumed to be honest and well connected; gains vanish when
        local learning rates are tuned"""
    ),
    findings=words(
        """{p} percent of the traffic can be dropped without harm; slow devices carry the rarest labels; personalising the
        last {n} layers suffices; drift grows with local epochs rather than with clients; simple averaging wins when
        rates are tuned; fairness costs less than {n} points of accuracy"""
    ),
    claims=words(
        r"""convergence holds at rate $O(1/\sqrt{K T})$ without bounded gradients; drift is governed by the spread of local
        minimisers; asynchronous rounds converge whenever delay is sublinear"""
    ),
)

PRIVACY = Topic(
    name="privacy and attacks",
    categories=("cs.CR", "cs.LG"),
    field="privacy-preserving machine learning",
    problems=words(
        """membership inference against large models; secure aggregation with dropouts; auditing of privacy claims;
        extraction of training text; poisoning of shared models; private release of tabular statistics; unlearning on
        request"""
    ),
    methods=words(
        """differentially private gradient descent; secret sharing; zero-knowledge proofs of training; canary insertion;
        homomorphic evaluation; shadow-model attacks; privacy accounting; backdoor triggers; trusted execution enclaves"""
    ),
    objects=words(
        """privacy budgets; leaked records; adversarial clients; ciphertexts; audit canaries; gradient inversions; poisoned
        examples; deletion requests"""
    ),
    data=words("LeakLine; the Sealed Ledger set; CanaryCage; the Census-Like tables; PhishPond"),
    metrics=words(
        """-attack advantage; privacy loss at fixed accuracy; true-positive rate at low false alarms; -proof size;
        -cryptographic overhead"""
    ),
    applications=words("census publication; credit scoring; genomic registries; password managers; advertising measurement"),
    gaps=words(
        """attacks are averaged over records that nobody would target; budgets are reported but not audited; defences are
        broken by adversaries that adapt; protocols assume that no client disconnects; deletion is promised without a
        way to check it"""
    ),
    findings=words(
        """outliers are {n} times easier to identify than average records; audits with one run come within {p} percent of
        the proven bound; most leakage stems from duplicated records; adaptive adversaries undo published defences;
        dropout tolerance costs {p} percent more traffic; public pretraining buys back most of the accuracy"""
    ),
    claims=words(
        r"""the mechanism is $(\epsilon,\delta)$-private under adaptive composition; no estimator audits better than
        $O(1/\sqrt{n})$; secure aggregation needs $\Omega(n)$ messages when a third of the clients vanish"""
    ),
)

QUERIES = Topic(
    name="query optimisation",
    categories=("cs.DB",),
    field="query optimisation in relational engines",
    problems=words(
        """cardinality estimation for many joins; index selection under changing workloads; join ordering with user-defined
        functions; plan regression after upgrades; vectorised execution of string predicates; caching of shared
        sub-plans; optimisation of recursive queries"""
    ),
    methods=words(
        """learned cost models; worst-case optimal joins; sampling-based estimation; bandit plan selection; adaptive
        re-optimisation; zone maps; plan-space pruning; just-in-time compilation; histogram sketches"""
    ),
    objects=words(
        """join graphs; query plans; materialised views; skewed columns; secondary indexes; predicate selectivities; star
        schemas; correlated attributes"""
    ),
    data=words("the Bookshop workload; SkewBench; JoinForest-113; the Night Reports trace; StarMill"),
    metrics=words("-estimation error; -tail latency; throughput; -optimisation time; plan stability"),
    applications=words(
        """business reporting; fraud dashboards; geographic information services; log analysis; scientific archives"""
    ),
    gaps=words(
        """estimates are wrong by orders of magnitude after the fourth join; learned plans win on average and lose where it
        hurts; synthetic workloads have no correlations worth learning; statistics are stale when they are needed;
        optimisation time is left out of the bill"""
    ),
    findings=words(
        """three bad plans cause {p} percent of the total delay; sampling {n} thousand rows beats learned estimates on new
        schemas; robust plans are rarely the fastest ones; estimation errors cancel in bushy trees; warm caches hide
        most plan mistakes; indexes on expressions pay for themselves within {n} hours"""
    ),
    claims=words(
        r"""join ordering with bounded regret is possible in $O(n \log n)$ plan evaluations; no histogram of size $k$ bounds
        the error of two joins; re-optimisation terminates after at most $n$ switches"""
    ),
)

STREAMS = Topic(
    name="distributed streams and storage",
    categories=("cs.DC", "cs.DB"),
    field="distributed stream processing and storage",
    problems=words(
        """exactly-once processing across regions; state migration without downtime; compaction of log-structured stores;
        consensus under partial partitions; out-of-order event handling; tiered storage on cheap disks; elastic scaling
        of stateful operators"""
    ),
    methods=words(
        """leaderless replication; watermark inference; epoch-based checkpoints; erasure coding; conflict-free replicated
        types; lease-based reads; learned compaction policies; write-ahead logs; deterministic scheduling"""
    ),
    objects=words(
        """event streams; stateful operators; replica groups; write-ahead segments; late events; storage tiers; checkpoint
        barriers; partition keys"""
    ),
    data=words("the Turnstile stream; CloudDrift traces; LogMill-2T; the Ferry Sensors feed; ShardStorm"),
    metrics=words("-recovery time; -write amplification; sustained throughput; -tail latency; availability"),
    applications=words("payment clearing; ride dispatch; telemetry pipelines; online games; grid monitoring"),
    gaps=words(
        """recovery is measured on idle clusters; partial partitions fall between the fault models; compaction steals
        bandwidth when traffic peaks; clocks are trusted more than they deserve; migration stalls the very operator that
        needs relief"""
    ),
    findings=words(
        """recovery completes within {n} seconds at full load; {p} percent of the late events come from two partitions;
        compaction can be postponed for hours at no cost; most outages begin with a healthy majority; coding saves
        storage but doubles repair traffic; clock error stays below {n} milliseconds in practice"""
    ),
    claims=words(
        r"""no protocol is both leaderless and one-round under partial partitions; watermark delay is within a factor $2$ of
        optimal; write amplification is bounded by $O(\log n)$ for every merge schedule"""
    ),
)

GRAPHS = Topic(
    name="graph learning",
    categories=("cs.LG", "stat.ML", "cs.SI"),
    field="learning on graphs",
    problems=words(
        """over-smoothing in deep graph networks; link prediction in temporal networks; node classification under
        heterophily; graph-level pretraining; explanation of graph predictions; sampling for billion-edge training;
        generalisation to larger graphs"""
    ),
    methods=words(
        """message passing networks; graph transformers; positional encodings from eigenvectors; subgraph sampling;
        rewiring by curvature; equivariant aggregation; contrastive views of graphs; edge dropout; higher-order message
        passing"""
    ),
    objects=words(
        """node features; temporal edges; heterophilous neighbourhoods; molecular graphs; citation links; attention
        coefficients; long-range dependencies; sampled subgraphs"""
    ),
    data=words("the Village Trade network; MolLattice; CiteMeadow; the Transit Edges set; HeteroHill"),
    metrics=words("node accuracy; link ranking; -memory per edge; size generalisation; explanation fidelity"),
    applications=words(
        """fraud rings; recommendation of suppliers; traffic forecasting; molecule screening; knowledge base completion"""
    ),
    gaps=words(
        """depth hurts long before neighbourhoods are exhausted; accuracies differ less than their random seeds; benchmarks
        reward homophily and nothing else; explanations change when nodes are renumbered; temporal splits are shuffled
        away"""
    ),
    findings=words(
        """a feature-only baseline closes {p} percent of the gap; rewiring {n} percent of the edges is enough; depth pays
        off only with residual mixing; positional encodings help on grids and hurt on trees; seeds matter more than
        architectures; most errors sit at community borders"""
    ),
    claims=words(
        """message passing of depth $L$ cannot separate cospectral trees; smoothing decays at the rate of the spectral gap;
        expressive power is capped by $k$-dimensional refinement"""
    ),
)

COMBINATORICS = Topic(
    name="combinatorics",
    categories=("math.CO", "cs.DM"),
    field="extremal and probabilistic graph theory",
    problems=words(
        """colouring of sparse random graphs; extremal density of forbidden cycles; decomposition of hypergraphs into
        matchings; mixing of random walks on expanders; counting of independent sets; reconstruction from vertex-deleted
        subgraphs; saturation in bipartite graphs"""
    ),
    methods=words(
        """regularity arguments; entropy compression; hypergraph containers; flag algebras; absorbing structures; switching
        arguments; spectral gap estimates; iterative rounding; random greedy processes"""
    ),
    objects=words(
        """bipartite graphs; perfect matchings; forbidden subgraphs; random regular graphs; chromatic polynomials; degree
        sequences; Hamilton cycles; sparse hypergraphs"""
    ),
    data=words(
        """an exhaustive census of cubic graphs up to 26 vertices; the Small Cages list; a catalogue of vertex-transitive
        graphs; randomly sampled Latin squares"""
    ),
    metrics=words("chromatic number; edge density; girth; -discrepancy; matching number"),
    applications=words("frequency assignment; coding theory; scheduling of tournaments; network design; property testing"),
    gaps=words(
        """the best bounds have not moved for two decades; known constructions fail when the degree is bounded; the
        conjecture was verified only for small orders; lower and upper bounds differ by a logarithmic factor; previous
        proofs rely on towers of exponentials"""
    ),
    findings=words(
        """the extremal graphs are unique up to isomorphism for all orders above {n}; the logarithmic factor can be
        removed; the threshold is sharp at degree {n}; counterexamples exist from {n} vertices on; the bound is attained
        by polarity graphs; almost all such graphs share one degree sequence"""
    ),
    claims=words(
        r"""every graph of maximum degree $\Delta$ has a proper colouring with $O(\Delta/\log \Delta)$ colours when
        triangles are absent; the number of edges is at most $c\, n^{3/2}$; the walk mixes in $O(n \log n)$ steps; a
        perfect matching exists with probability $1-o(1)$"""
    ),
)

PAIRS = (
    Pair(
        FEDERATED,
        PRIVACY,
        words(
            """secure aggregation; gradient clipping; noise calibration; robust averaging; client-level privacy; split learning"""
        ),
        words("gradients; honest-but-curious servers; sensitive records; model updates; participating devices"),
    ),
    Pair(
        QUERIES,
        STREAMS,
        words(
            """column stores; cost-based scheduling; incremental view maintenance; sketch summaries; log-structured merge
        trees; workload prediction"""
        ),
        words("transaction logs; windowed aggregates; cloud clusters; hot partitions; analytical queries"),
    ),
    Pair(
        GRAPHS,
        COMBINATORICS,
        words(
            """spectral partitioning; colour refinement; random walks; graph homomorphism counts; semidefinite relaxations;
        graphon limits"""
        ),
        words("random graphs; spectral gaps; regular expanders; subgraph counts; sparse adjacency matrices"),
    ),
)
