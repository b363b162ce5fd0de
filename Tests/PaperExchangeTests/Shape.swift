import JSON

/// The members that an answer of the exchange has, by type: no other, and none is missing. Lists are
/// words.
struct Shape: Sendable {
  var strings = ""
  var ints = ""
  var bools = ""
  var objects = ""
  var arrays = ""

  /// What is wrong with `value`, in words.
  func faults(of value: JSONValue?) -> [String] {
    guard let object = value?.objectValue else {
      return ["no object: \(String(describing: value))"]
    }
    var faults: [String] = []
    func check(_ words: String, _ kind: String, _ fits: (JSONValue) -> Bool) {
      for word in words.split(separator: " ") {
        guard let member = object[Text(word)] else {
          faults.append("\(word) is missing")
          continue
        }
        if !fits(member) { faults.append("\(word) is \(member), not \(kind)") }
      }
    }
    check(strings, "a string") { $0.stringValue != nil }
    check(ints, "a whole number") { $0.intValue != nil }
    check(bools, "a truth value") { $0.boolValue != nil }
    check(objects, "an object") { $0.objectValue != nil }
    check(arrays, "an array") { $0.arrayValue != nil }
    let known = [strings, ints, bools, objects, arrays].flatMap { $0.split(separator: " ") }
    for key in object.keys where !known.contains(Substring(key.string)) {
      faults.append("\(key) is there")
    }
    return faults
  }
}

extension Shape {
  static let envelope = Shape(strings: "retMsg", ints: "retCode time", objects: "result retExtInfo")

  static let order = Shape(
    strings: """
      orderId orderLinkId blockTradeId symbol price qty side isLeverage orderStatus cancelType \
      rejectReason avgPrice leavesQty leavesValue cumExecQty cumExecValue cumExecFee timeInForce \
      orderType stopOrderType orderIv triggerPrice takeProfit stopLoss tpTriggerBy slTriggerBy \
      triggerBy lastPriceOnCreated smpType smpOrderId tpslMode tpLimitPrice slLimitPrice placeType \
      createdTime updatedTime slippageToleranceType slippageTolerance extraFees rpiMatchedQty \
      parentOrderLinkId
      """,
    ints: "positionIdx triggerDirection smpGroup",
    bools: "reduceOnly closeOnTrigger rpiTakerAccess", objects: "cumFeeDetail")

  static let orderEvent = Shape(
    strings: order.strings + """
       category brokerOrderPrice createType closedPnl feeCurrency ocoTriggerBy \
      marketUnit
      """, ints: order.ints, bools: order.bools, objects: order.objects)

  static let execution = Shape(
    strings: """
      symbol orderType orderLinkId side orderId stopOrderType leavesQty execTime feeCurrency \
      execFee feeRate execId blockTradeId markPrice indexPrice underlyingPrice execPrice orderQty \
      orderPrice execValue execType execQty closedSize tradeIv markIv isLeverage createType execPnl \
      extraFees marketUnit
      """, ints: "seq", bools: "isMaker")

  static let executionEvent = Shape(
    strings: execution.strings + " category", ints: execution.ints, bools: execution.bools)

  static let fastExecution = Shape(
    strings: "category symbol execId execPrice execQty orderId orderLinkId side execTime",
    ints: "seq", bools: "isMaker")

  static let position = Shape(
    strings: """
      riskLimitValue symbol side size positionValue positionStatus leverage breakEvenPrice \
      markPrice liqPrice positionMM positionIM takeProfit stopLoss trailingStop unrealisedPnl \
      curRealisedPnl cumRealisedPnl createdTime updatedTime bustPrice positionBalance \
      sessionAvgPrice tpslMode mmrSysUpdatedTime leverageSysUpdatedTime avgPrice
      """, ints: "positionIdx riskId tradeMode autoAddMargin adlRankIndicator seq",
    bools: "isReduceOnly")

  /// The mean price has another name there.
  static let positionEvent = Shape(
    strings: position.strings.replacing(" avgPrice", with: " entryPrice category"),
    ints: position.ints, bools: position.bools)

  static let wallet = Shape(
    strings: """
      accountType totalEquity totalWalletBalance totalMarginBalance totalAvailableBalance \
      totalPerpUPL totalInitialMargin totalMaintenanceMargin accountIMRate accountMMRate accountLTV
      """, arrays: "coin")

  static let coin = Shape(
    strings: """
      coin equity usdValue walletBalance locked borrowAmount accruedInterest totalOrderIM \
      totalPositionIM totalPositionMM unrealisedPnl cumRealisedPnl bonus spotBorrow spotHedgingQty \
      availableToWithdraw availableToBorrow
      """, bools: "marginCollateral collateralSwitch")

  static let contractTicker = Shape(
    strings: """
      symbol lastPrice indexPrice markPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h \
      prevPrice1h openInterest openInterestValue turnover24h volume24h fundingRate \
      nextFundingTime bid1Price bid1Size ask1Price ask1Size deliveryTime tickDirection \
      predictedDeliveryPrice basisRate deliveryFeeRate basis
      """)
  static let spotTicker = Shape(
    strings: """
      symbol lastPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h turnover24h volume24h \
      bid1Price bid1Size ask1Price ask1Size usdIndexPrice
      """)
  static let optionTicker = Shape(
    strings: """
      symbol lastPrice highPrice24h lowPrice24h markPrice indexPrice bid1Price bid1Size bid1Iv \
      ask1Price ask1Size ask1Iv markIv underlyingPrice openInterest turnover24h volume24h delta \
      gamma vega theta change24h totalVolume totalTurnover predictedDeliveryPrice
      """)

  static let contract = Shape(
    strings: """
      symbol contractType status baseCoin quoteCoin settleCoin launchTime deliveryTime \
      deliveryFeeRate priceScale copyTrading upperFundingRate lowerFundingRate displayName
      """, ints: "symbolId fundingInterval", bools: "unifiedMarginTrade isPreListing",
    objects: "leverageFilter priceFilter lotSizeFilter riskParameters")
  static let spotPair = Shape(
    strings: """
      symbol baseCoin quoteCoin innovation status marginTrading stTag symbolType \
      xstockMultiplier
      """, ints: "symbolId",
    objects: "lotSizeFilter priceFilter riskParameters")
  static let optionContract = Shape(
    strings: """
      symbol status baseCoin quoteCoin settleCoin optionsType launchTime deliveryTime \
      deliveryFeeRate displayName
      """, ints: "symbolId", objects: "priceFilter lotSizeFilter")

  static let account = Shape(
    strings: "marginMode updatedTime dcpStatus spotHedgingStatus",
    ints: "unifiedMarginStatus timeWindow smpGroup", bools: "isMasterTrader")
  static let settings = Shape(strings: "deltaHedgeMode", bools: "lpaSpot lpaPerp")
  static let key = Shape(
    strings: """
      id note apiKey secret deadlineDay expiredAt createdAt vipLevel mktMakerLevel rsaPublicKey \
      parentUid kycLevel kycRegion
      """,
    ints: "readOnly type unified uta userID inviterID affiliateID", bools: "isMaster",
    objects: "permissions", arrays: "ips")

  /// The result of a list of the account.
  static let page = Shape(strings: "category nextPageCursor", arrays: "list")
  static let tradeReply = Shape(
    strings: "reqId retMsg op connId", ints: "retCode", objects: "data retExtInfo header")
  static let tradeHeader = Shape(
    strings: "X-Bapi-Limit X-Bapi-Limit-Status X-Bapi-Limit-Reset-Timestamp Traceid Timenow")
  static let ids = Shape(strings: "orderId orderLinkId")
  static let createdLeg = Shape(strings: "category symbol orderId orderLinkId createAt")
  static let changedLeg = Shape(strings: "category symbol orderId orderLinkId")
  static let legCode = Shape(strings: "msg", ints: "code")
}
