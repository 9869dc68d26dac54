"""The text of the streaming kernel: blocks of queries in parallel, blocks of keys in sequence."""

TEXT = """
extern "C" void {name}({parameters}) {{
  using gemm::i64;
  constexpr i64 Q = {q}, KV = {kv}, DEPTH = {depth}, D = {d}, BATCH = {batch};
  constexpr int VEC = {prefix}_VEC, MR = {prefix}_MR, NR = {prefix}_NR, AHEAD = {prefix}_PREFETCH;
  constexpr i64 WIDTH = NR * VEC;
  constexpr i64 BQ = gemm::round_up(std::min<i64>({prefix}_BLOCK_Q, Q), MR);
  constexpr i64 BK = gemm::round_up(std::min<i64>({prefix}_BLOCK_KV, KV), WIDTH);
  constexpr i64 KVP = gemm::ceil_div(KV, BK) * BK, DP = gemm::round_up(D, WIDTH), BLOCKS = gemm::ceil_div(Q, BQ);
#pragma omp parallel{serial}
  {{
    i64 packed = -1;  // the batch entry whose keys and values this thread holds
    float* query = gemm::scratch(0, BQ * DEPTH);
    float* keys = gemm::scratch(1, DEPTH * KVP);
    float* values = gemm::scratch(2, KVP * DP);
    float* score = gemm::scratch(3, BQ * BK);
    float* sum = gemm::scratch(4, BQ * DP);
    float top[BQ], total[BQ];
#pragma omp for schedule({schedule})
    for (i64 task = 0; task < BATCH * BLOCKS; ++task) {{
      const i64 entry = task / BLOCKS, q0 = {block} * BQ, rows = std::min(BQ, Q - q0);
{batch_variables}
      if (packed != entry) {{
        packed = entry;
        // pass: pack keys
        for (i64 j = 0; j < KV; ++j) {{
          float* to = keys + j / BK * (BK * DEPTH) + j % BK;
          for (i64 e = 0; e < DEPTH; ++e) {{ {key} }}
        }}
        if (KVP > KV)
          for (i64 e = 0; e < DEPTH; ++e)
            for (i64 j = KV % BK; j < BK; ++j) keys[(KVP - BK) * DEPTH + e * BK + j] = 0;
        // pass: pack values
        for (i64 j = 0; j < KV; ++j) {{
#pragma omp simd
          for (i64 x = 0; x < D; ++x) {{ {value} }}
          for (i64 x = D; x < DP; ++x) values[j * DP + x] = 0;
        }}
        if (KVP > KV) std::memset(values + KV * DP, 0, (KVP - KV) * DP * sizeof(float));
      }}
      // pass: load queries
      for (i64 i = 0; i < rows; ++i) {{
        const i64 q = q0 + i;
#pragma omp simd
        for (i64 e = 0; e < DEPTH; ++e) {{ {query} }}
      }}
      std::memset(query + rows * DEPTH, 0, (BQ - rows) * DEPTH * sizeof(float));
      for (i64 i = 0; i < BQ; ++i) top[i] = -__builtin_inff(), total[i] = 0;
      std::memset(sum, 0, BQ * DP * sizeof(float));
      const i64 end = {end};
      for (i64 j0 = 0; j0 < end; j0 += BK) {{
        const i64 columns = std::min(BK, KV - j0);
        // pass: scores
        attention::product<MR, NR, VEC, AHEAD>(BQ, BK, DEPTH, query, DEPTH, keys + j0 * DEPTH, BK, score, BK, false);
        // pass: running softmax
        for (i64 i = 0; i < rows; ++i) {{
          const i64 q = q0 + i;
          float* row = score + i * BK;
#pragma omp simd
          for (i64 jj = 0; jj < columns; ++jj) {{ const i64 j = j0 + jj; {score} }}
          for (i64 jj = columns; jj < BK; ++jj) row[jj] = -__builtin_inff();
          const float now = attention::largest<VEC>(row, BK, top[i]);
          const float base = now == -__builtin_inff() ? 0.0f : now;
          const float shrink = k_exp((top[i] == -__builtin_inff() ? base - 200.0f : top[i]) - base);
          total[i] = total[i] * shrink + attention::powers<VEC>(row, BK, base);
          top[i] = now;
          if (shrink != 1.0f)
            for (i64 x = 0; x < DP; ++x) sum[i * DP + x] *= shrink;
        }}
        // pass: weighted values
        attention::product<MR, NR, VEC, AHEAD>(BQ, DP, BK, score, BK, values + j0 * DP, DP, sum, DP, true);
      }}
      // pass: write
      for (i64 i = 0; i < rows; ++i) {{
        const i64 q = q0 + i;
        const float scale = {scale};
#pragma omp simd
        for (i64 x = 0; x < D; ++x) {{ {store} }}
      }}
    }}
  }}
}}
"""
